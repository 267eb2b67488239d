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
use crate::server::wire::transport_session::TransportSession;
use crate::server::wire::{ipfix, netflow_v1, netflow_v5, netflow_v7, netflow_v9, sflow_v5};

use super::counters::{Counters, protocol_index};
use super::deduplication::Owners;
use super::double_counting::Evidence;
use super::exporter::{Session, SessionKey, State};
use super::limits::Limits;
use super::normalize::{self, Origin, Outcome};
use super::options::{ByKind, Options, Room as OptionsRoom};
use super::pending::{Held, Pending};
use super::quirks;
use super::rules::Rules;
use super::sampling::Sampling;
use super::sequence::{Content, Sequence, fingerprint};

mod fixed_layout;

/// A datagram overtaken by at most so many datagrams is late, not a restart (v9, sFlow).
pub(super) const REORDERING_DATAGRAMS: u32 = 128;
/// The same in records (v5, v7, IPFIX) and samples (sFlow).
pub(super) const REORDERING_RECORDS: u32 = 4096;
/// Sessions that an exporter may have when all together are at the limit.
const SESSIONS_FOR_ALL: usize = 4;

/// One datagram on its way through the state of its exporter.
pub(super) struct Datagram<'a> {
    pub(super) limits: &'a Limits,
    pub(super) rules: &'a Rules,
    pub(super) address: IpAddr,
    pub(super) session: TransportSession,
    pub(super) received_us: i64,
    pub(super) state: &'a mut State,
    pub(super) template_weight: &'a mut usize,
    pub(super) options_weight: &'a mut usize,
    pub(super) session_count: &'a mut usize,
    pub(super) pending: &'a mut Pending,
    pub(super) counters: &'a mut Counters,
    pub(super) flows: &'a mut Vec<FlowRecord>,
    /// So many flow records may still be added.
    pub(super) room: u64,
    pub(super) owners: &'a mut Owners,
    pub(super) evidence: &'a Evidence,
}

/// What every set of a message shares.
#[derive(Clone, Copy)]
pub(super) struct Message {
    protocol: Protocol,
    pub(super) origin: Origin,
    /// Sequence number of an IPFIX message, else 0.
    sequence: u32,
}

impl Datagram<'_> {
    /// An error means that nothing of the datagram could be read.
    pub(super) fn decode(&mut self, payload: &[u8]) -> Result<(), Error> {
        let reader = Reader::new(payload);
        if self.is_stream() {
            return self.ipfix(reader);
        }
        match { reader }.u16("version")? {
            netflow_v5::VERSION => self.netflow_v5(reader),
            netflow_v1::VERSION => self.netflow_v1(reader),
            netflow_v7::VERSION => self.netflow_v7(reader),
            netflow_v9::VERSION => self.netflow_v9(reader),
            ipfix::VERSION => self.ipfix(reader),
            _ if payload.starts_with(&sflow_v5::VERSION_BYTES) => self.sflow_v5(reader),
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
        let sampling = Sampling::configured(&self.rules.sampling, self.address, header.engine())
            .of_own(u32::from(header.sampling_interval()));
        let (records, error) = netflow_v5::records(&header, reader);
        let units = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let content = Content { is_spoilt: error.is_some(), ..Content::known(units) };
        if self.is_over_rate() {
            self.count_rate_limited(records.len() as u64);
            self.sequence(message, header.sequence, content, REORDERING_RECORDS);
            return Ok(());
        }
        let first = self.flows.len();
        let mut tally = Tally::default();
        for record in records {
            tally.add(normalize::push_flow_v5(&record, sampling, &message.origin, self.flows));
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

    pub(super) fn message(
        &self,
        protocol: Protocol,
        domain: u32,
        export_ms: i64,
        uptime_ms: Option<u32>,
    ) -> Message {
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
            // An agent's datagrams are its own, whatever port they come from.
            session: if matches!(message.protocol, Protocol::SflowV5) {
                TransportSession::Udp { source_port: 0 }
            } else {
                self.session
            },
            protocol: message.protocol,
            observation_domain: message.origin.observation_domain,
        }
    }

    /// Finds or begins the session. In a full table it takes the place of the one longest silent, whose
    /// gaps are then not seen: nothing else is lost.
    pub(super) fn open_session(&mut self, message: Message) {
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
    pub(super) fn is_duplicate(
        &mut self,
        message: Message,
        number: u32,
        whole: Reader<'_>,
        window: u32,
    ) -> bool {
        let key = self.session_key(message);
        let Some(session) = self.state.sessions.get_mut(&key) else { return false };
        if session.sequence.has_restarted_since(number, window) {
            let others = self.template_weight.saturating_sub(self.state.templates.weight());
            self.state.templates.forget_session(key.session, key.protocol, key.observation_domain);
            *self.template_weight = others + self.state.templates.weight();
        }
        let is_duplicate = session.sequence.is_duplicate(number, fingerprint(whole.bytes()));
        self.state.duplicate_datagrams += u64::from(is_duplicate);
        self.counters.duplicate_datagrams += u64::from(is_duplicate);
        is_duplicate
    }

    pub(super) fn sequence(&mut self, message: Message, number: u32, content: Content, window: u32) {
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

    pub(super) const fn template_key(&self, message: Message, template_id: u16) -> Key {
        Key {
            session: self.session,
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
                Ok(Item::Withdrawal(id)) => {
                    self.counters.templates_withdrawn += 1;
                    self.withdraw(message, id);
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
        self.count_redefinition(&key, &definition);
        let templates = &mut self.state.templates;
        templates.read_out_counters(quirks::out_counters(&self.rules.quirks, self.address));
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
        if self.is_stream() {
            self.count_set_without_template();
            return Content::from(None);
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
        let domain = origin.observation_domain;
        let is_over_rate = self.is_over_rate();
        let State { templates, options, .. } = &mut *self.state;
        let Some(template) = templates.find(&key) else { return Content::from(None) };
        template.used_us = self.received_us;
        if template.options_plan.is_some() {
            return self.decode_options_set(key, domain, body).unwrap_or_else(|| Content::from(None));
        }
        let plan = &template.plan;
        if is_over_rate {
            let (counted, result) = plan.count(body);
            self.count_rate_limited(counted.records);
            let units = u32::try_from(counted.records).unwrap_or(u32::MAX);
            return Content { is_spoilt: result.is_err(), ..Content::known(units) };
        }
        let origin = Origin { system_init_ms: options.system_init_ms(domain), ..origin };
        let sampling = Sampling::configured(&self.rules.sampling, self.address, domain).with_options(
            options,
            key.protocol,
            domain,
            plan,
        );
        let is_silent = sampling.is_silent();
        let first = self.flows.len();
        let mut tally = Tally::default();
        let mut system_init = 0;
        let each = |values: &Values| {
            system_init = values.value(Slot::SystemInit);
            let before = self.flows.len();
            tally.add(normalize::push_flows(plan, values, &origin, self.flows));
            if !is_silent {
                sampling.apply(plan, values, self.flows.get_mut(before..).unwrap_or_default());
            }
        };
        let max_records = if plan.has_reverse() { self.room / 2 } else { self.room };
        let (decoded, result) = plan.decode(body, max_records, each);
        template.records += decoded.records;
        if system_init != 0 {
            self.learn(|options, room| options.learn_system_init(system_init, domain, room));
        }
        self.count_flows(first, tally);
        self.counters.zero_records += decoded.zero_records;
        self.count_data_set(result.err());
        let units = u32::try_from(decoded.records).unwrap_or(u32::MAX);
        Content { is_spoilt: result.is_err(), ..Content::known(units) }
    }

    /// Learns from a set of options data records. Returns what data records it holds.
    fn decode_options_set(&mut self, key: Key, observation_domain: u32, body: Reader<'_>) -> Option<Content> {
        let template = self.state.templates.find(&key)?;
        let plan = template.options_plan.clone()?;
        let mut by_kind = ByKind::default();
        let (decoded, result) = self.learn(|options, room| {
            plan.decode(body, |record| {
                by_kind[options.learn(record, observation_domain, room).index()] += 1;
            })
        });
        if let Some(template) = self.state.templates.find(&key) {
            template.records += decoded.records;
        }
        for (kind, count) in by_kind.into_iter().enumerate() {
            self.state.options_by_kind[kind] += count;
            self.counters.options_by_kind[kind] += count;
        }
        self.state.options_records += decoded.records;
        self.counters.options_records += decoded.records;
        self.counters.data_records += decoded.records;
        self.counters.zero_records += decoded.zero_records;
        self.count_data_set(result.err());
        let units = u32::try_from(decoded.records).unwrap_or(u32::MAX);
        Some(Content { is_spoilt: result.is_err(), ..Content::known(units) })
    }

    /// Lets the exporter's options state change, within its room.
    fn learn<T>(&mut self, change: impl FnOnce(&mut Options, OptionsRoom) -> T) -> T {
        let options = &mut self.state.options;
        let others = self.options_weight.saturating_sub(options.weight());
        let room = OptionsRoom {
            domains: self.limits.sessions_per_exporter,
            weight: self.limits.options_weight_per_exporter,
            common_weight: self.limits.options_weight,
            others,
        };
        let learned = change(options, room);
        *self.options_weight = others + options.weight();
        learned
    }

    /// Counts the flow records added since there were `first`.
    pub(super) fn count_flows(&mut self, first: usize, tally: Tally) {
        let added = self.flows.get(first..).unwrap_or_default();
        self.room = self.room.saturating_sub(added.len() as u64);
        if let Some(last) = added.last()
            && last.sampling_interval != 0
        {
            self.state.sampling = (last.sampling_interval, last.sampling_source);
        }
        self.spend(tally.records);
        self.count_once(first);
        self.look_for_double_counting(first);
        let traffic = Traffic::of_all(self.flows.get(first..).unwrap_or_default());
        self.state.traffic += traffic;
        self.state.times_replaced += tally.times_replaced;
        self.counters.traffic += traffic;
        self.counters.data_records += tally.records;
        self.counters.reverse_records += tally.reverse_records;
        self.counters.empty_records += tally.empty_records;
        self.counters.times_replaced += tally.times_replaced;
        self.counters.events += tally.events;
        self.counters.implausible_records += tally.implausible_records;
        self.state.events += tally.events;
        self.state.implausible_records += tally.implausible_records;
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
pub(super) struct Tally {
    records: u64,
    reverse_records: u64,
    empty_records: u64,
    times_replaced: u64,
    events: u64,
    implausible_records: u64,
}

impl Tally {
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.records += 1;
        self.reverse_records += u64::from(outcome.has_reverse);
        self.empty_records += u64::from(outcome.is_forward_empty);
        self.times_replaced += outcome.times_replaced;
        self.events += u64::from(outcome.is_event);
        self.implausible_records += outcome.implausible_records;
    }
}
