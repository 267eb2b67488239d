//! What is kept of one exporter: counts, templates, and where its sequence numbers are.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rate_limit::TokenBucket;
use crate::model::exporter::{self as model, Protocol};
use crate::model::flow_record::{ExporterId, SamplingSource};
use crate::model::options::InterfaceName;
use crate::model::traffic::Traffic;
use crate::server::wire::error::Reason;
use crate::server::wire::information_element;
use crate::server::wire::template::{Definition, Field};
use crate::server::wire::template_cache::{Key, TemplateCache};
use crate::server::wire::transport_session::TransportSession;

use super::options::{ByKind, Kind, Options, OptionsState};

use super::sflow;

use super::counters::Counters;
use super::sequence::{Change, Content, Sequence};

/// Counts by [`Reason`].
pub type ByReason = [u64; Reason::ALL.len()];

/// The state of one exporter: of one source address, or of one sFlow agent.
#[derive(Clone, Debug)]
pub struct State {
    /// Its number in this process.
    pub id: ExporterId,
    /// Protocols it has sent, in the order first seen.
    pub protocols: Vec<Protocol>,
    /// Receive time of its first datagram, microseconds since 1970.
    pub first_seen_us: i64,
    /// Receive time of its latest datagram, microseconds since 1970.
    pub last_seen_us: i64,
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes of UDP payload received.
    pub datagram_bytes: u64,
    /// What its flow records add up to.
    pub traffic: Traffic,
    /// Options data records.
    pub options_records: u64,
    /// Data sets that wait for their template.
    pub sets_waiting: u64,
    /// Data sets given up or refused by the pending buffer.
    pub sets_expired: u64,
    /// Forward jumps of sequence numbers.
    pub sequence_gaps: u64,
    /// Units missing by sequence numbers.
    pub sequence_missing: u64,
    /// Of these, datagrams (v9, sFlow).
    pub missing_datagrams: u64,
    /// Flow records that did not keep their times.
    pub times_replaced: u64,
    /// Datagrams, sets and template records that could not be decoded.
    pub undecodable: ByReason,
    /// Its templates.
    pub templates: TemplateCache,
    /// Its transport sessions and domains.
    pub sessions: HashMap<SessionKey, Session>,
    /// What its options records said.
    pub options: Options,
    /// Its options data records by what they say.
    pub options_by_kind: ByKind,
    /// Sampling interval of its latest flow record, and who said so.
    pub sampling: (u32, SamplingSource),
    /// Data records of events without traffic.
    pub events: u64,
    /// Flow records left out for implausible counters.
    pub implausible_records: u64,
    /// Numbers of its open connections over TCP or TLS.
    pub connections: HashSet<u32>,
    /// Where its latest datagram came from, if that is not its own address (sFlow).
    pub sent_from: Option<IpAddr>,
    /// What it is as an sFlow agent.
    pub sflow: sflow::Agent,
    /// What it may still send.
    pub tokens: TokenBucket,
    /// Data sets skipped because it sent more flow records than it may.
    pub rate_limited_sets: u64,
    /// Data records in those sets.
    pub rate_limited_records: u64,
    /// Flow records dropped because a rule says that the flow is counted elsewhere.
    pub duplicate_flows: Traffic,
    /// Datagrams that came twice and were left out the second time.
    pub duplicate_datagrams: u64,
    /// Units in sets that are not decoded, or lost: which, is not known.
    pub sequence_uncertain: u64,
    /// Units that passed while the process was stopped.
    pub sequence_stopped: u64,
}

/// A transport session and an observation domain in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionKey {
    /// Transport session; port 0 for sFlow, where it means nothing.
    pub session: TransportSession,
    /// Protocol.
    pub protocol: Protocol,
    /// Observation domain, source id, engine or sub-agent.
    pub observation_domain: u32,
}

/// What is kept of a session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Where its sequence numbers are.
    pub sequence: Sequence,
    /// Receive time of its latest datagram, microseconds since 1970.
    pub last_seen_us: i64,
}

impl State {
    /// An exporter that was just heard of.
    pub fn new(id: ExporterId, now_us: i64) -> Self {
        Self {
            id,
            protocols: Vec::new(),
            first_seen_us: now_us,
            last_seen_us: now_us,
            datagrams: 0,
            datagram_bytes: 0,
            traffic: Traffic::NONE,
            options_records: 0,
            sets_waiting: 0,
            sets_expired: 0,
            sequence_gaps: 0,
            sequence_missing: 0,
            missing_datagrams: 0,
            times_replaced: 0,
            undecodable: ByReason::default(),
            templates: TemplateCache::default(),
            sessions: HashMap::new(),
            options: Options::default(),
            options_by_kind: ByKind::default(),
            sampling: (0, SamplingSource::Unknown),
            events: 0,
            implausible_records: 0,
            connections: HashSet::new(),
            sent_from: None,
            sflow: sflow::Agent::default(),
            tokens: TokenBucket::default(),
            rate_limited_sets: 0,
            rate_limited_records: 0,
            duplicate_flows: Traffic::NONE,
            duplicate_datagrams: 0,
            sequence_uncertain: 0,
            sequence_stopped: 0,
        }
    }

    /// Counts what a sequence number told, here and in the account of all exporters.
    pub fn count_sequence(&mut self, protocol: Protocol, change: Change, counters: &mut Counters) {
        let (missing, stopped) = match protocol {
            Protocol::NetflowV9 | Protocol::SflowV5 => {
                self.missing_datagrams = self.missing_datagrams.saturating_add_signed(change.missing);
                (&mut counters.missing_datagrams, &mut counters.stopped_datagrams)
            }
            _ => (&mut counters.missing_records, &mut counters.stopped_records),
        };
        let pairs = [
            (missing, &mut self.sequence_missing, change.missing),
            (stopped, &mut self.sequence_stopped, change.stopped),
            (&mut counters.uncertain_records, &mut self.sequence_uncertain, change.uncertain),
        ];
        for (total, own, change) in pairs {
            *total = total.saturating_add_signed(change);
            *own = own.saturating_add_signed(change);
        }
        counters.sequence_gaps += u64::from(change.gaps);
        self.sequence_gaps += u64::from(change.gaps);
    }

    /// Counts what a set that waited turned out to hold: IPFIX numbers its records, v9 does not.
    pub fn resolve(&mut self, key: Key, number: u32, content: Content, counters: &mut Counters) {
        let Key { session, protocol, observation_domain, .. } = key;
        let known = SessionKey { session, protocol, observation_domain };
        if protocol == Protocol::Ipfix
            && let Some(session) = self.sessions.get_mut(&known)
        {
            let change = session.sequence.resolve(number, content);
            self.count_sequence(protocol, change, counters);
        }
    }

    /// As it is now, for a thread with more time to show.
    pub fn snapshot(&self, address: IpAddr) -> ExporterSnapshot {
        let known = self.templates.iter().map(|(key, template)| KnownTemplate {
            key: *key,
            definition: Arc::clone(&template.definition),
            defined_us: template.defined_us,
            records: template.records,
        });
        let options = Arc::clone(self.options.state());
        ExporterSnapshot {
            summary: self.summary(address),
            missing_datagrams: self.missing_datagrams,
            templates: known.collect(),
            options,
        }
    }

    /// All but the templates and what options records said.
    fn summary(&self, address: IpAddr) -> model::Exporter {
        let mut undecodable: Vec<(String, u64)> = Reason::ALL
            .into_iter()
            .zip(self.undecodable)
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| (reason.label().to_owned(), count))
            .collect();
        undecodable.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        model::Exporter {
            id: self.id,
            address,
            protocols: self.protocols.clone(),
            first_seen_ms: self.first_seen_us.div_euclid(1000),
            last_seen_ms: self.last_seen_us.div_euclid(1000),
            datagrams: self.datagrams,
            datagram_bytes: self.datagram_bytes,
            traffic: self.traffic,
            options_records: self.options_records,
            sets_waiting: self.sets_waiting,
            sets_expired: self.sets_expired,
            sequence_gaps: self.sequence_gaps,
            sequence_missing: self.sequence_missing,
            times_replaced: self.times_replaced,
            undecodable,
            templates: Vec::new(),
            sampling_interval: self.sampling.0,
            sampling_source: self.sampling.1,
            samplers: Vec::new(),
            interfaces: Vec::new(),
            vrfs: Vec::new(),
            interface_names: 0,
            application_names: 0,
            options_not_understood: self.options_by_kind[Kind::NotUnderstood.index()],
            options_not_kept: self.options_by_kind[Kind::NotKept.index()],
            events: self.events,
            implausible_records: self.implausible_records,
            sent_from: self.sent_from,
            samples: self.sflow.shown(),
            rate_limited_sets: self.rate_limited_sets,
            rate_limited_records: self.rate_limited_records,
            duplicate_flows: self.duplicate_flows,
            duplicate_datagrams: self.duplicate_datagrams,
            sequence_uncertain: self.sequence_uncertain,
            sequence_stopped: self.sequence_stopped,
        }
    }
}

/// What was known of an exporter at a moment. Cheap to make: templates are shared and their fields get names
/// in [`Self::into_exporter`].
#[derive(Clone, Debug)]
pub struct ExporterSnapshot {
    summary: model::Exporter,
    missing_datagrams: u64,
    templates: Vec<KnownTemplate>,
    options: Arc<OptionsState>,
}

#[derive(Clone, Debug)]
struct KnownTemplate {
    key: Key,
    definition: Arc<Definition>,
    defined_us: i64,
    records: u64,
}

impl ExporterSnapshot {
    /// All but the templates and what options records said: those lists are empty here.
    pub const fn summary(&self) -> &model::Exporter {
        &self.summary
    }

    /// Of the units that are missing by sequence numbers, those that are datagrams; the others are flow records.
    pub const fn missing_datagrams(&self) -> u64 {
        self.missing_datagrams
    }

    /// The interfaces that it named, at most [`SHOWN_ENTRIES`](crate::model::options::SHOWN_ENTRIES).
    pub fn interfaces(&self) -> Vec<InterfaceName> {
        self.options.interfaces()
    }

    /// Number of templates known.
    pub const fn template_count(&self) -> usize {
        self.templates.len()
    }

    /// As pages and the API show it, templates in the order of their keys.
    pub fn into_exporter(mut self) -> model::Exporter {
        self.templates.sort_unstable_by_key(|template| template.key);
        let templates = self.templates.iter().map(shown).collect();
        model::Exporter {
            templates,
            samplers: self.options.samplers(),
            interfaces: self.options.interfaces(),
            vrfs: self.options.vrfs(),
            interface_names: self.options.interface_names(),
            application_names: self.options.application_names(),
            ..self.summary
        }
    }
}

fn shown(template: &KnownTemplate) -> model::Template {
    let KnownTemplate { key, definition, .. } = template;
    let field = |(index, field): (usize, &Field)| {
        let is_scope = index < definition.scope_count;
        model::TemplateField {
            name: information_element::name(key.protocol, is_scope, field.enterprise, field.element),
            element: field.element,
            enterprise: field.enterprise,
            length: field.length,
            is_scope,
        }
    };
    model::Template {
        protocol: key.protocol,
        source_port: key.session.source_port(),
        connection: key.session.connection(),
        observation_domain: key.observation_domain,
        template_id: key.template_id,
        is_options: definition.is_options,
        defined_ms: template.defined_us.div_euclid(1000),
        records: template.records,
        fields: definition.fields.iter().enumerate().map(field).collect(),
    }
}
