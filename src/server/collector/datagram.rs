//! One datagram on its way through the state of its exporter: headers, sets, templates, records.

use std::net::IpAddr;

use crate::model::exporter::Protocol;
use crate::model::flow_record::FlowRecord;
use crate::model::traffic::Traffic;
use crate::server::wire::error::{Error, Reason};
use crate::server::wire::reader::Reader;
use crate::server::wire::set::{Kind, Set, Sets};
use crate::server::wire::slot::{Slot, Values};
use crate::server::wire::template::{Definition, Definitions, Item};
use crate::server::wire::template_cache::{Key, Room};
use crate::server::wire::{ipfix, netflow_v5, netflow_v9};

use super::counters::{Counters, protocol_index};
use super::exporter::{Session, SessionKey, State};
use super::limits::Limits;
use super::normalize::{self, Origin, Outcome};
use super::pending::{Held, Pending};
use super::rules::Rules;
use super::sequence::{Content, Sequence, fingerprint};

/// A datagram overtaken by at most so many datagrams is late, not a restart (v9).
const REORDERING_DATAGRAMS: u32 = 128;
/// The same in records (v5, IPFIX).
const REORDERING_RECORDS: u32 = 4096;
/// Sessions that an exporter may have when all together are at the limit.
const SESSIONS_FOR_ALL: usize = 4;
/// sFlow's version is four bytes long.
const SFLOW_VERSION: [u8; 4] = [0, 0, 0, 5];

/// One datagram on its way through the state of its exporter.
pub(super) struct Datagram<'a> {
    pub(super) limits: &'a Limits,
    pub(super) rules: &'a Rules,
    pub(super) address: IpAddr,
    pub(super) source_port: u16,
    pub(super) received_us: i64,
    pub(super) state: &'a mut State,
    pub(super) template_weight: &'a mut usize,
    pub(super) session_count: &'a mut usize,
    pub(super) pending: &'a mut Pending,
    pub(super) counters: &'a mut Counters,
    pub(super) flows: &'a mut Vec<FlowRecord>,
    /// So many flow records may still be added.
    pub(super) room: u64,
}

/// What every set of a message shares.
#[derive(Clone, Copy)]
struct Message {
    protocol: Protocol,
    origin: Origin,
    sequence: u32,
}

impl Datagram<'_> {
    /// An error means that nothing of the datagram could be read.
    pub(super) fn decode(&mut self, payload: &[u8]) -> Result<(), Error> {
        let reader = Reader::new(payload);
        match { reader }.u16("version")? {
            netflow_v5::VERSION => self.netflow_v5(reader),
            netflow_v9::VERSION => self.netflow_v9(reader),
            ipfix::VERSION => self.ipfix(reader),
            _ if payload.starts_with(&SFLOW_VERSION) => {
                Err(reader.error("version", Reason::SflowUnsupported))
            }
            _ => Err(reader.error("version", Reason::UnknownVersion)),
        }
    }

    fn netflow_v5(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        let whole = reader;
        let header = netflow_v5::Header::parse(&mut reader)?;
        let clock_ms = i64::from(header.clock_s) * 1000 + i64::from(header.clock_ns / 1_000_000);
        let message = self.message(Protocol::NetflowV5, header.engine(), clock_ms, Some(header.uptime_ms));
        self.open_session(message);
        if self.is_duplicate(message, header.sequence, whole, REORDERING_RECORDS) {
            return Ok(());
        }
        self.counters.sets += 1;
        let sampling_interval = u32::from(header.sampling_interval());
        self.state.sampling_interval = sampling_interval;
        let (records, error) = netflow_v5::records(&header, reader);
        let units = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let content = Content { is_spoilt: error.is_some(), ..Content::known(units) };
        let first = self.flows.len();
        let mut tally = Tally::default();
        for record in records {
            tally.add(normalize::push_flow_v5(&record, sampling_interval, &message.origin, self.flows));
        }
        self.count_flows(first, tally);
        self.count_data_set(error);
        self.sequence(message, header.sequence, content, REORDERING_RECORDS);
        Ok(())
    }

    fn netflow_v9(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        let whole = reader;
        let header = netflow_v9::Header::parse(&mut reader)?;
        let clock_ms = i64::from(header.clock_s) * 1000;
        let message = self.message(Protocol::NetflowV9, header.source_id, clock_ms, Some(header.uptime_ms));
        self.open_session(message);
        if self.is_duplicate(message, header.sequence, whole, REORDERING_DATAGRAMS) {
            return Ok(());
        }
        self.sets(message, reader);
        self.sequence(message, header.sequence, Content::known(1), REORDERING_DATAGRAMS);
        Ok(())
    }

    fn ipfix(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        let whole = reader;
        let header = ipfix::Header::parse(&mut reader)?;
        let clock_ms = i64::from(header.export_time_s) * 1000;
        let message = Message {
            sequence: header.sequence,
            ..self.message(Protocol::Ipfix, header.observation_domain, clock_ms, None)
        };
        self.open_session(message);
        if self.is_duplicate(message, header.sequence, whole, REORDERING_RECORDS) {
            return Ok(());
        }
        let body_length = header.body_length().min(reader.remaining());
        let body = reader.take(body_length, "message")?;
        let mut content = self.sets(message, body);
        if body_length < header.body_length() {
            // However many sets there were: what is missing counts as one.
            self.counters.sets += 1;
            self.count_undecodable_set(Reason::Truncated);
            content.is_spoilt = true;
        }
        if !reader.is_zero() {
            self.counters.sets += 1;
            self.count_undecodable_set(Reason::TrailingBytes);
        }
        self.sequence(message, header.sequence, content, REORDERING_RECORDS);
        Ok(())
    }

    fn message(&self, protocol: Protocol, domain: u32, export_ms: i64, uptime_ms: Option<u32>) -> Message {
        let origin = Origin {
            exporter: self.state.id,
            observation_domain: domain,
            received_ms: self.received_us.div_euclid(1000),
            export_ms,
            uptime_ms,
            system_init_ms: None,
        };
        Message { protocol, origin, sequence: 0 }
    }

    const fn session_key(&self, message: Message) -> SessionKey {
        SessionKey {
            source_port: self.source_port,
            protocol: message.protocol,
            observation_domain: message.origin.observation_domain,
        }
    }

    /// Finds or begins the session. In a full table it takes the place of the one longest silent, whose
    /// gaps are then not seen: nothing else is lost.
    fn open_session(&mut self, message: Message) {
        let key = self.session_key(message);
        let now_us = self.received_us;
        let sessions = &mut self.state.sessions;
        if let Some(session) = sessions.get_mut(&key) {
            session.last_seen_us = now_us;
        } else {
            let is_full = *self.session_count >= self.limits.sessions;
            let most = if is_full { SESSIONS_FOR_ALL } else { usize::MAX };
            if sessions.len() >= most.min(self.limits.sessions_per_exporter) {
                let longest_silent = sessions.iter().min_by_key(|(_, session)| session.last_seen_us);
                if let Some(key) = longest_silent.map(|(key, _)| *key) {
                    sessions.remove(&key);
                    *self.session_count = self.session_count.saturating_sub(1);
                }
            }
            *self.session_count += 1;
            sessions.insert(key, Session { sequence: Sequence::default(), last_seen_us: now_us });
        }
        if !self.state.protocols.contains(&message.protocol) {
            self.state.protocols.push(message.protocol);
        }
        self.counters.datagrams_by_protocol[protocol_index(message.protocol)] += 1;
    }

    /// True, and counted, when the same datagram came before: its data are not decoded again. Where the
    /// number shows that the exporter restarted while this process was stopped, the session's restored templates
    /// are forgotten: an id may stand for another layout now.
    fn is_duplicate(&mut self, message: Message, number: u32, whole: Reader<'_>, window: u32) -> bool {
        let key = self.session_key(message);
        let Some(session) = self.state.sessions.get_mut(&key) else { return false };
        if session.sequence.has_restarted_since(number, window) {
            let others = self.template_weight.saturating_sub(self.state.templates.weight());
            self.state.templates.forget_session(key.source_port, key.protocol, key.observation_domain);
            *self.template_weight = others + self.state.templates.weight();
        }
        let is_duplicate = session.sequence.is_duplicate(number, fingerprint(whole.bytes()));
        self.state.duplicate_datagrams += u64::from(is_duplicate);
        self.counters.duplicate_datagrams += u64::from(is_duplicate);
        is_duplicate
    }

    fn sequence(&mut self, message: Message, number: u32, content: Content, window: u32) {
        let key = self.session_key(message);
        let Some(session) = self.state.sessions.get_mut(&key) else { return };
        let change = session.sequence.take(number, content, window);
        self.state.count_sequence(message.protocol, change, self.counters);
    }

    /// Decodes the sets of a message. Returns what data records it holds.
    fn sets(&mut self, message: Message, body: Reader<'_>) -> Content {
        let mut content = Content::default();
        for set in Sets::new(body) {
            self.counters.sets += 1;
            content = content
                + match set {
                    Ok(set) => self.set(message, set),
                    Err(error) => {
                        self.count_undecodable_set(error.reason);
                        Content::from(None)
                    }
                };
        }
        content
    }

    /// Decodes a set. Returns what data records it holds.
    fn set(&mut self, message: Message, set: Set<'_>) -> Content {
        match set.kind(message.protocol) {
            Kind::Templates => self.templates(message, set.body, false),
            Kind::OptionsTemplates => self.templates(message, set.body, true),
            Kind::Reserved => {
                self.count_undecodable_set(Reason::ReservedSetId);
                return Content::from(None);
            }
            Kind::Data(id) => return self.data_set(message, id, set.body),
        }
        Content::default()
    }

    const fn template_key(&self, message: Message, template_id: u16) -> Key {
        Key {
            source_port: self.source_port,
            protocol: message.protocol,
            observation_domain: message.origin.observation_domain,
            template_id,
        }
    }

    fn templates(&mut self, message: Message, body: Reader<'_>, is_options: bool) {
        self.counters.template_sets += 1;
        let max_fields = self.limits.fields_per_template;
        for item in Definitions::new(body, message.protocol, is_options, max_fields) {
            self.counters.template_records += 1;
            let defined = match item {
                Ok(Item::Definition(definition)) => self.define(message, definition),
                Ok(Item::Withdrawal(_)) => {
                    self.counters.templates_withdrawn += 1;
                    continue;
                }
                Err(error) => Err(error.reason),
            };
            match defined {
                Ok(()) => self.counters.templates_defined += 1,
                Err(reason) => {
                    self.state.undecodable[reason.index()] += 1;
                    self.counters.undecodable_templates[reason.index()] += 1;
                }
            }
        }
    }

    /// Defines a template and decodes what waited for it.
    fn define(&mut self, message: Message, definition: Definition) -> Result<(), Reason> {
        let key = self.template_key(message, definition.id);
        let templates = &mut self.state.templates;
        let others = self.template_weight.saturating_sub(templates.weight());
        let room = Room {
            templates: self.limits.templates_per_exporter,
            weight: self.limits.template_weight_per_exporter,
            common_weight: self.limits.template_weight.saturating_sub(others),
        };
        let defined = templates.define(key, definition, self.received_us, room);
        *self.template_weight = others + templates.weight();
        defined?;
        self.pending.make_ready(self.address, key);
        Ok(())
    }

    /// Decodes a set that waited for its template.
    pub(super) fn held(&mut self, key: Key, held: &Held) {
        self.counters.sets_waiting = self.counters.sets_waiting.saturating_sub(1);
        self.state.sets_waiting = self.state.sets_waiting.saturating_sub(1);
        let content = self.decode_data_set(key, held.origin, Reader::at(&held.body, held.offset));
        self.state.resolve(key, held.sequence, content, self.counters);
    }

    fn data_set(&mut self, message: Message, id: u16, body: Reader<'_>) -> Content {
        let key = self.template_key(message, id);
        if self.state.templates.find(&key).is_some() {
            return self.decode_data_set(key, message.origin, body);
        }
        let held = Held {
            received_us: self.received_us,
            sequence: message.sequence,
            origin: message.origin,
            offset: body.offset(),
            body: body.bytes().into(),
        };
        let (total, own) = (self.limits.pending_bytes, self.limits.pending_bytes_per_exporter);
        if self.pending.hold(self.address, key, held, total, own) {
            self.counters.sets_waiting += 1;
            self.state.sets_waiting += 1;
            Content { waiting: 1, ..Content::default() }
        } else {
            self.counters.sets_refused += 1;
            self.state.sets_expired += 1;
            Content::from(None)
        }
    }

    /// Decodes a data set whose template is known. Returns what data records it holds.
    fn decode_data_set(&mut self, key: Key, origin: Origin, body: Reader<'_>) -> Content {
        let State { templates, system_inits_ms, .. } = &mut *self.state;
        let Some(template) = templates.find(&key) else { return Content::from(None) };
        template.used_us = self.received_us;
        let plan = &template.plan;
        let known_init = system_inits_ms.get(&origin.observation_domain).copied();
        let origin = Origin { system_init_ms: known_init, ..origin };
        let is_options = template.definition.is_options;
        let first = self.flows.len();
        let mut tally = Tally::default();
        let mut system_init = 0;
        let each = |values: &Values| {
            system_init = values.value(Slot::SystemInit);
            if !is_options {
                tally.add(normalize::push_flows(plan, values, &origin, self.flows));
            }
        };
        let max_records = if is_options {
            u64::MAX
        } else if plan.has_reverse() {
            self.room / 2
        } else {
            self.room
        };
        let (decoded, result) = plan.decode(body, max_records, each);
        template.records += decoded.records;
        if let Some(init_ms) = i64::try_from(system_init).ok().filter(|init_ms| *init_ms != 0)
            && (known_init.is_some() || system_inits_ms.len() < self.limits.sessions_per_exporter)
        {
            system_inits_ms.insert(origin.observation_domain, init_ms);
        }
        if is_options {
            self.state.options_records += decoded.records;
            self.counters.options_records += decoded.records;
            self.counters.data_records += decoded.records;
        } else {
            self.count_flows(first, tally);
        }
        self.counters.zero_records += decoded.zero_records;
        self.count_data_set(result.err());
        let units = u32::try_from(decoded.records).unwrap_or(u32::MAX);
        Content { is_spoilt: result.is_err(), ..Content::known(units) }
    }

    /// Counts the flow records added since there were `first`.
    fn count_flows(&mut self, first: usize, tally: Tally) {
        let added = self.flows.get(first..).unwrap_or_default();
        self.room = self.room.saturating_sub(added.len() as u64);
        if let Some(last) = added.last()
            && last.sampling_interval != 0
        {
            self.state.sampling_interval = last.sampling_interval;
        }
        let traffic = added.iter().fold(Traffic::NONE, |sum, flow| {
            sum + Traffic { flows: 1, bytes: flow.bytes, packets: flow.packets }
        });
        self.state.traffic += traffic;
        self.state.times_replaced += tally.times_replaced;
        self.counters.traffic += traffic;
        self.counters.data_records += tally.records;
        self.counters.reverse_records += tally.reverse_records;
        self.counters.empty_records += tally.empty_records;
        self.counters.times_replaced += tally.times_replaced;
    }

    fn count_data_set(&mut self, error: Option<Error>) {
        match error {
            None => self.counters.data_sets_decoded += 1,
            Some(error) => self.count_undecodable_set(error.reason),
        }
    }

    fn count_undecodable_set(&mut self, reason: Reason) {
        self.state.undecodable[reason.index()] += 1;
        self.counters.undecodable_sets[reason.index()] += 1;
    }
}

/// What became of the records of a data set.
#[derive(Clone, Copy, Default)]
struct Tally {
    records: u64,
    reverse_records: u64,
    empty_records: u64,
    times_replaced: u64,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        self.records += 1;
        self.reverse_records += u64::from(outcome.has_reverse);
        self.empty_records += u64::from(outcome.is_forward_empty);
        self.times_replaced += outcome.times_replaced;
    }
}
