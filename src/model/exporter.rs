//! An exporter as pages and the API show it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::flow_record::{ExporterId, SamplingSource};
use super::options::{InterfaceName, Sampler, VrfName};
use super::traffic::Traffic;

/// A flow export protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
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
    /// NetFlow version 1.
    #[serde(rename = "netflow_v1")]
    NetflowV1,
    /// NetFlow version 7.
    #[serde(rename = "netflow_v7")]
    NetflowV7,
    /// sFlow version 5.
    #[serde(rename = "sflow_v5")]
    SflowV5,
}

impl Protocol {
    /// Every protocol, in the order that arrays by protocol use.
    pub const ALL: [Self; 6] =
        [Self::NetflowV5, Self::NetflowV9, Self::Ipfix, Self::NetflowV1, Self::NetflowV7, Self::SflowV5];

    /// The name users know.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetflowV5 => "NetFlow v5",
            Self::NetflowV9 => "NetFlow v9",
            Self::Ipfix => "IPFIX",
            Self::NetflowV1 => "NetFlow v1",
            Self::NetflowV7 => "NetFlow v7",
            Self::SflowV5 => "sFlow v5",
        }
    }

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NetflowV5 => "netflow_v5",
            Self::NetflowV9 => "netflow_v9",
            Self::Ipfix => "ipfix",
            Self::NetflowV1 => "netflow_v1",
            Self::NetflowV7 => "netflow_v7",
            Self::SflowV5 => "sflow_v5",
        }
    }
}

/// What is known of one exporter: one address that sends export datagrams, or one sFlow agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exporter {
    /// Its number in this process.
    pub id: ExporterId,
    /// Source address of its datagrams; of an sFlow agent the address that it is known by.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Protocols it has sent, in the order first seen.
    pub protocols: Vec<Protocol>,
    /// Receive time of its first datagram, milliseconds since 1970.
    pub first_seen_ms: i64,
    /// Receive time of its latest datagram, milliseconds since 1970.
    pub last_seen_ms: i64,
    /// Datagrams received; a message over TCP or TLS counts as one.
    pub datagrams: u64,
    /// Bytes of UDP payload and of messages over TCP or TLS received.
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
    /// Units missing by sequence numbers: flow records for v5, v7 and IPFIX, datagrams for v9 and sFlow.
    pub sequence_missing: u64,
    /// Flow records whose times were unusable and replaced by the export or receive time.
    pub times_replaced: u64,
    /// What could not be decoded, by reason, most frequent first. Label of the reason and its count.
    pub undecodable: Vec<(String, u64)>,
    /// Templates it has defined that are known now.
    pub templates: Vec<Template>,
    /// Sampling interval of its latest flow record, 1 in n; 1 when not sampled, 0 when unknown.
    pub sampling_interval: u32,
    /// Who said what that interval is.
    pub sampling_source: SamplingSource,
    /// What its options records say of sampling, at most [`SHOWN_ENTRIES`](super::options::SHOWN_ENTRIES).
    pub samplers: Vec<Sampler>,
    /// Names of its interfaces, at most as many.
    pub interfaces: Vec<InterfaceName>,
    /// Names of its VRFs, at most as many.
    pub vrfs: Vec<VrfName>,
    /// Number of interface names known, the shown ones included.
    pub interface_names: u64,
    /// Number of application names known.
    pub application_names: u64,
    /// Options data records that say nothing that is used.
    pub options_not_understood: u64,
    /// Options data records that found no room.
    pub options_not_kept: u64,
    /// Data records of firewall or NAT events without traffic: no flow records are made of them.
    pub events: u64,
    /// Flow records left out because their counters are beyond what a link can carry.
    pub implausible_records: u64,
    /// Where its latest datagram came from, if that is not its address: sFlow agents have one of their own.
    #[schema(value_type = Option<String>)]
    pub sent_from: Option<IpAddr>,
    /// What it sent as an sFlow agent.
    pub samples: Samples,
    /// Data sets skipped because it sent more flow records than it may.
    pub rate_limited_sets: u64,
    /// Data records in those sets, by their length.
    pub rate_limited_records: u64,
    /// Flow records dropped because a rule says that the flow is counted elsewhere.
    pub duplicate_flows: Traffic,
    /// Datagrams that came twice: left out the second time.
    pub duplicate_datagrams: u64,
    /// Records by sequence numbers that wait for a template, could not be decoded, or were lost: which of
    /// these is not known (yet).
    pub sequence_uncertain: u64,
    /// Units by sequence numbers that were sent while Meridian was stopped.
    pub sequence_stopped: u64,
}

/// What an sFlow agent sent, and what did not come of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Samples {
    /// Flow samples that describe a packet.
    pub flow: u64,
    /// Counter samples.
    pub counter: u64,
    /// Flow samples and notifications missing by the sequence numbers of their data sources.
    pub missing: u64,
    /// Flow samples and notifications that the agent dropped before it sent them, as it says.
    pub dropped: u64,
    /// Notifications of discarded packets by the name of the reason, most frequent first.
    pub discarded: Vec<(String, u64)>,
}

/// A template as an exporter defined it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Template {
    /// Which protocol's id space it is in.
    pub protocol: Protocol,
    /// Source port of the datagram or connection that defined it.
    pub source_port: u16,
    /// Number of the TCP or TLS connection that defined it; `None` over UDP.
    pub connection: Option<u32>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
