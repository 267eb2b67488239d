//! An exporter as pages and the API show it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::flow_record::ExporterId;
use super::traffic::Traffic;

/// A flow export protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// NetFlow version 5.
    #[serde(rename = "netflow_v5")]
    NetflowV5,
    /// NetFlow version 9 (RFC 3954).
    #[serde(rename = "netflow_v9")]
    NetflowV9,
    /// IPFIX (RFC 7011).
    #[serde(rename = "ipfix")]
    Ipfix,
}

impl Protocol {
    /// Every protocol, in the order that arrays by protocol use.
    pub const ALL: [Self; 3] = [Self::NetflowV5, Self::NetflowV9, Self::Ipfix];

    /// The name users know.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetflowV5 => "NetFlow v5",
            Self::NetflowV9 => "NetFlow v9",
            Self::Ipfix => "IPFIX",
        }
    }

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NetflowV5 => "netflow_v5",
            Self::NetflowV9 => "netflow_v9",
            Self::Ipfix => "ipfix",
        }
    }
}

/// What is known of one exporter: one address that sends export datagrams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exporter {
    /// Its number in this process.
    pub id: ExporterId,
    /// Source address of its datagrams.
    pub address: IpAddr,
    /// Protocols it has sent, in the order first seen.
    pub protocols: Vec<Protocol>,
    /// Receive time of its first datagram, milliseconds since 1970.
    pub first_seen_ms: i64,
    /// Receive time of its latest datagram, milliseconds since 1970.
    pub last_seen_ms: i64,
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes of UDP payload received.
    pub datagram_bytes: u64,
    /// What its flow records add up to (both halves of a biflow counted).
    pub traffic: Traffic,
    /// Options data records received.
    pub options_records: u64,
    /// Data sets held until their template arrives, now.
    pub sets_waiting: u64,
    /// Data sets that were given up: the pending buffer was full, or their template never came.
    pub sets_expired: u64,
    /// Times a sequence number jumped forward.
    pub sequence_gaps: u64,
    /// Units missing by sequence numbers: flow records for v5 and IPFIX, datagrams for v9.
    pub sequence_missing: u64,
    /// Flow records whose times were unusable and replaced by the export or receive time.
    pub times_replaced: u64,
    /// What could not be decoded, by reason, most frequent first. Label of the reason and its count.
    pub undecodable: Vec<(String, u64)>,
    /// Templates it has defined that are known now.
    pub templates: Vec<Template>,
    /// Sampling interval its latest record or v5 header stated, 1 in n; 0 when unknown.
    pub sampling_interval: u32,
    /// Datagrams that came twice: left out the second time.
    pub duplicate_datagrams: u64,
    /// Records by sequence numbers that wait for a template, could not be decoded, or were lost: which of
    /// these is not known (yet).
    pub sequence_uncertain: u64,
    /// Units by sequence numbers that were sent while Meridian was stopped.
    pub sequence_stopped: u64,
}

/// A template as an exporter defined it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Which protocol's id space it is in.
    pub protocol: Protocol,
    /// UDP source port of the datagram that defined it.
    pub source_port: u16,
    /// Observation domain (IPFIX) or source id (v9).
    pub observation_domain: u32,
    /// Template id, 256 and above.
    pub template_id: u16,
    /// True for an options template.
    pub is_options: bool,
    /// Receive time of its latest definition, milliseconds since 1970.
    pub defined_ms: i64,
    /// Data records decoded with it.
    pub records: u64,
    /// Its fields in order, scope fields first.
    pub fields: Vec<TemplateField>,
}

/// One field of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateField {
    /// IANA name, the vendor's where known, else `element 123` or `PEN 9 element 12235`.
    pub name: String,
    /// Element id, without the enterprise bit.
    pub element: u16,
    /// Private enterprise number; 0 is IANA.
    pub enterprise: u32,
    /// Length in bytes; 65535 means variable.
    pub length: u16,
    /// True for a scope field of an options template.
    pub is_scope: bool,
}
