//! Datagrams in, flow records out, and an account of everything that came.
//!
//! Owned by one thread; no locks, no clock of its own, no input can make it panic or grow without bound.
//! Every datagram and every set ends in exactly one place ([`Counters`]):
//!
//! - `datagrams` = by protocol + undecodable
//! - `sets` = template sets + data sets decoded, waiting, expired, refused + undecodable
//! - `template_records` = defined + withdrawn (no effect over UDP) + undecodable
//! - `data_records` + `reverse_records` = flow records + options records + `empty_records`
//!
//! When the table of exporters is full, new ones are refused; [`Intake::expire`] makes room.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};

use crate::model::exporter::{Exporter, Protocol};
use crate::model::flow_record::{ExporterId, FlowRecord};
use crate::model::traffic::Traffic;
use crate::server::wire::error::{Error, Reason};
use crate::server::wire::plan::{Slot, Values};
use crate::server::wire::reader::Reader;
use crate::server::wire::set::{Kind, Set, Sets};
use crate::server::wire::template::{Definition, Definitions, Item};
use crate::server::wire::template_cache::Key;
use crate::server::wire::{ipfix, netflow_v5, netflow_v9};

use super::exporter::{Arrival, ByReason, Session, SessionKey, State};
use super::normalize::{self, Origin, Outcome};
use super::pending::{Held, Pending};

/// A datagram overtaken by at most so many datagrams is late, not a restart (v9).
const REORDERING_DATAGRAMS: u32 = 128;
/// The same in records (v5, IPFIX).
const REORDERING_RECORDS: u32 = 4096;
/// sFlow's version is four bytes long.
const SFLOW_VERSION: [u8; 4] = [0, 0, 0, 5];

/// Bounds on what the network may make the collector keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Exporters known at a time.
    pub exporters: usize,
    /// Source ports × protocols × observation domains of one exporter.
    pub sessions_per_exporter: usize,
    /// Templates of one exporter.
    pub templates_per_exporter: usize,
    /// Fields in one template.
    pub fields_per_template: usize,
    /// Fields in the templates of all exporters.
    pub template_fields: usize,
    /// Bytes of all data sets that wait for a template.
    pub pending_bytes: usize,
    /// The same of one exporter.
    pub pending_bytes_per_exporter: usize,
    /// How long a data set waits for its template, microseconds.
    pub pending_us: i64,
    /// A full table forgets exporters that never sent a flow record and are silent so long, microseconds.
    pub idle_unproductive_us: i64,
    /// A full table forgets any exporter silent so long, microseconds.
    pub idle_us: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            exporters: 4096,
            sessions_per_exporter: 256,
            templates_per_exporter: 512,
            fields_per_template: 256,
            template_fields: 1 << 20,
            pending_bytes: 16 << 20,
            pending_bytes_per_exporter: 1 << 20,
            pending_us: 600_000_000,
            idle_unproductive_us: 60_000_000,
            idle_us: 24 * 3_600_000_000,
        }
    }
}

/// What came since the start of the process, from all exporters, and where it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes of UDP payload received.
    pub datagram_bytes: u64,
    /// Datagrams whose header could be read: v5, v9, IPFIX.
    pub datagrams_by_protocol: [u64; 3],
    /// Datagrams that could not be read at all.
    pub undecodable_datagrams: ByReason,
    /// Sets in readable datagrams; the records of a v5 datagram are one set.
    pub sets: u64,
    /// Template sets and options template sets.
    pub template_sets: u64,
    /// Data sets decoded to their end.
    pub data_sets_decoded: u64,
    /// Data sets that wait for their template, now.
    pub sets_waiting: u64,
    /// Data sets whose template never came, or whose exporter was forgotten.
    pub sets_expired: u64,
    /// Data sets without template that found no room to wait.
    pub sets_refused: u64,
    /// Sets that could not be decoded, or not to their end. Records before the error are counted below.
    pub undecodable_sets: ByReason,
    /// Template records in template sets.
    pub template_records: u64,
    /// Template records that defined a template, or confirmed one.
    pub templates_defined: u64,
    /// Withdrawals, which have no effect over UDP (RFC 7011 §8.4).
    pub templates_withdrawn: u64,
    /// Template records that were refused.
    pub undecodable_templates: ByReason,
    /// Data records decoded, options records included.
    pub data_records: u64,
    /// Options data records.
    pub options_records: u64,
    /// Flow records made of data records, and what they add up to.
    pub traffic: Traffic,
    /// Of the flow records, second halves of biflows.
    pub reverse_records: u64,
    /// Forward halves of biflows that carried nothing, left out.
    pub empty_records: u64,
    /// Whole records of zeros at the end of data sets, left out.
    pub zero_records: u64,
    /// Flow records that did not keep the times they were exported with.
    pub times_replaced: u64,
    /// Forward jumps of sequence numbers.
    pub sequence_gaps: u64,
    /// Flow records missing by sequence numbers (v5, IPFIX).
    pub missing_records: u64,
    /// Datagrams missing by sequence numbers (v9).
    pub missing_datagrams: u64,
    /// Exporters forgotten to make room.
    pub exporters_forgotten: u64,
}

/// All that is known of the exporters, and the way from their datagrams to flow records.
#[derive(Clone, Debug)]
pub struct Intake {
    limits: Limits,
    exporters: HashMap<IpAddr, State>,
    /// Address of each exporter by its number; numbers of forgotten exporters are given again.
    addresses: Vec<IpAddr>,
    free_ids: Vec<ExporterId>,
    exporters_admitted: u64,
    template_fields: usize,
    pending: Pending,
    counters: Counters,
}

impl Intake {
    /// Knows no exporter yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            exporters: HashMap::new(),
            addresses: Vec::new(),
            free_ids: Vec::new(),
            exporters_admitted: 0,
            template_fields: 0,
            pending: Pending::default(),
            counters: Counters::default(),
        }
    }

    /// Decodes one datagram and appends its flow records, and those of sets that its templates
    /// release, to `flows`. `received_us` is the receive time, microseconds since 1970.
    pub fn datagram(
        &mut self,
        source: SocketAddr,
        received_us: i64,
        payload: &[u8],
        flows: &mut Vec<FlowRecord>,
    ) {
        let length = payload.len() as u64;
        self.counters.datagrams += 1;
        self.counters.datagram_bytes += length;
        let address = source.ip().to_canonical();
        let is_full = self.exporters.len() >= self.limits.exporters;
        let state = match self.exporters.entry(address) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if is_full => {
                self.counters.undecodable_datagrams[Reason::ExporterTableFull.index()] += 1;
                return;
            }
            Entry::Vacant(new) => {
                let id = numbered(&mut self.addresses, &mut self.free_ids, address);
                self.exporters_admitted += 1;
                new.insert(State::new(id, received_us))
            }
        };
        state.last_seen_us = received_us;
        state.datagrams += 1;
        state.datagram_bytes += length;
        let mut datagram = Datagram {
            limits: &self.limits,
            address,
            source_port: source.port(),
            received_us,
            state,
            template_fields: &mut self.template_fields,
            pending: &mut self.pending,
            counters: &mut self.counters,
            flows,
        };
        if let Err(error) = datagram.decode(payload) {
            datagram.state.undecodable[error.reason.index()] += 1;
            datagram.counters.undecodable_datagrams[error.reason.index()] += 1;
        }
    }

    /// Gives up the data sets that wait for too long and, when the table of exporters is full, forgets
    /// those silent for long. To be called about once a second.
    pub fn expire(&mut self, now_us: i64) {
        let before_us = now_us.saturating_sub(self.limits.pending_us);
        let (exporters, counters) = (&mut self.exporters, &mut self.counters);
        self.pending.expire(before_us, |address, count| {
            counters.sets_waiting = counters.sets_waiting.saturating_sub(count);
            counters.sets_expired += count;
            if let Some(state) = exporters.get_mut(&address) {
                state.sets_waiting = state.sets_waiting.saturating_sub(count);
                state.sets_expired += count;
            }
        });
        if self.exporters.len() >= self.limits.exporters {
            self.forget_silent_exporters(now_us);
        }
    }

    fn forget_silent_exporters(&mut self, now_us: i64) {
        let Self { limits, exporters, free_ids, template_fields, pending, counters, .. } = self;
        exporters.retain(|address, state| {
            let silent_us = now_us.saturating_sub(state.last_seen_us);
            let is_kept = silent_us < limits.idle_unproductive_us
                || (state.traffic.flows > 0 && silent_us < limits.idle_us);
            if !is_kept {
                *template_fields = template_fields.saturating_sub(state.templates.fields());
                let count = pending.forget(*address);
                counters.sets_waiting = counters.sets_waiting.saturating_sub(count);
                counters.sets_expired += count;
                counters.exporters_forgotten += 1;
                free_ids.push(state.id);
            }
            is_kept
        });
    }

    /// What is known of every exporter, in the order of their numbers.
    pub fn exporters(&self) -> Vec<Exporter> {
        let mut exporters: Vec<_> =
            self.exporters.iter().map(|(address, state)| state.exporter(*address)).collect();
        exporters.sort_unstable_by_key(|exporter| exporter.id);
        exporters
    }

    /// Number of exporters known.
    pub fn exporter_count(&self) -> usize {
        self.exporters.len()
    }

    /// Address of each exporter by its number.
    pub fn exporter_addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Exporters admitted since the start: while it stays, so do the addresses.
    pub const fn exporters_admitted(&self) -> u64 {
        self.exporters_admitted
    }

    /// True while data sets wait for a template, so that [`expire`](Self::expire) has something to do.
    pub const fn is_waiting(&self) -> bool {
        self.counters.sets_waiting > 0
    }

    /// The account of everything that came.
    pub const fn counters(&self) -> Counters {
        self.counters
    }
}

/// A free number for a new exporter, which `addresses` then knows it by.
fn numbered(addresses: &mut Vec<IpAddr>, free: &mut Vec<ExporterId>, address: IpAddr) -> ExporterId {
    let again = free.pop().and_then(|id| Some((id, usize::try_from(id.0).ok()?)));
    if let Some((id, known)) = again.and_then(|(id, index)| Some((id, addresses.get_mut(index)?))) {
        *known = address;
        return id;
    }
    let id = ExporterId(u32::try_from(addresses.len()).unwrap_or(u32::MAX));
    addresses.push(address);
    id
}

/// One datagram on its way through the state of its exporter.
struct Datagram<'a> {
    limits: &'a Limits,
    address: IpAddr,
    source_port: u16,
    received_us: i64,
    state: &'a mut State,
    template_fields: &'a mut usize,
    pending: &'a mut Pending,
    counters: &'a mut Counters,
    flows: &'a mut Vec<FlowRecord>,
}

/// What every set of a message shares.
#[derive(Clone, Copy)]
struct Message {
    protocol: Protocol,
    origin: Origin,
}

impl Datagram<'_> {
    /// An error means that nothing of the datagram could be read.
    fn decode(&mut self, payload: &[u8]) -> Result<(), Error> {
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
        let header = netflow_v5::Header::parse(&mut reader)?;
        let clock_ms = i64::from(header.clock_s) * 1000 + i64::from(header.clock_ns / 1_000_000);
        let message = self.message(Protocol::NetflowV5, header.engine(), clock_ms, Some(header.uptime_ms));
        self.open_session(message, reader)?;
        self.counters.sets += 1;
        let sampling_interval = u32::from(header.sampling_interval());
        self.state.sampling_interval = sampling_interval;
        let (records, error) = netflow_v5::records(&header, reader);
        let units = u32::try_from(records.len()).ok().filter(|_| error.is_none());
        let first = self.flows.len();
        let mut tally = Tally::default();
        for record in records {
            tally.add(normalize::push_flow_v5(&record, sampling_interval, &message.origin, self.flows));
        }
        self.count_flows(first, tally);
        self.count_data_set(error);
        self.sequence(message, header.sequence, units, REORDERING_RECORDS);
        Ok(())
    }

    fn netflow_v9(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        let header = netflow_v9::Header::parse(&mut reader)?;
        let clock_ms = i64::from(header.clock_s) * 1000;
        let message = self.message(Protocol::NetflowV9, header.source_id, clock_ms, Some(header.uptime_ms));
        self.open_session(message, reader)?;
        self.sets(message, reader);
        self.sequence(message, header.sequence, Some(1), REORDERING_DATAGRAMS);
        Ok(())
    }

    fn ipfix(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        let header = ipfix::Header::parse(&mut reader)?;
        let clock_ms = i64::from(header.export_time_s) * 1000;
        let message = self.message(Protocol::Ipfix, header.observation_domain, clock_ms, None);
        self.open_session(message, reader)?;
        let body_length = header.body_length().min(reader.remaining());
        let body = reader.take(body_length, "message")?;
        let units = self.sets(message, body);
        if !reader.is_zero() {
            self.counters.sets += 1;
            self.count_undecodable_set(Reason::TrailingBytes);
        }
        self.sequence(message, header.sequence, units, REORDERING_RECORDS);
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
        Message { protocol, origin }
    }

    const fn session_key(&self, message: Message) -> SessionKey {
        SessionKey {
            source_port: self.source_port,
            protocol: message.protocol,
            observation_domain: message.origin.observation_domain,
        }
    }

    /// Finds or begins the session; a full table refuses the datagram unless one was idle for an hour.
    fn open_session(&mut self, message: Message, reader: Reader<'_>) -> Result<(), Error> {
        const IDLE_US: i64 = 3_600_000_000;
        let key = self.session_key(message);
        let now_us = self.received_us;
        let sessions = &mut self.state.sessions;
        if let Some(session) = sessions.get_mut(&key) {
            session.last_seen_us = now_us;
        } else {
            if sessions.len() >= self.limits.sessions_per_exporter {
                sessions.retain(|_, session| now_us.saturating_sub(session.last_seen_us) < IDLE_US);
            }
            if sessions.len() >= self.limits.sessions_per_exporter {
                return Err(reader.error("source port and domain", Reason::SessionTableFull));
            }
            sessions.insert(
                key,
                Session { sequence: super::exporter::Sequence::default(), last_seen_us: now_us },
            );
        }
        if !self.state.protocols.contains(&message.protocol) {
            self.state.protocols.push(message.protocol);
        }
        self.counters.datagrams_by_protocol[protocol_index(message.protocol)] += 1;
        Ok(())
    }

    fn sequence(&mut self, message: Message, number: u32, units: Option<u32>, window: u32) {
        let key = self.session_key(message);
        let Some(session) = self.state.sessions.get_mut(&key) else { return };
        let total = match message.protocol {
            Protocol::NetflowV9 => &mut self.counters.missing_datagrams,
            Protocol::NetflowV5 | Protocol::Ipfix => &mut self.counters.missing_records,
        };
        match session.sequence.advance(number, units, window) {
            Arrival::InOrder => {}
            Arrival::Gap(missing) => {
                *total += u64::from(missing);
                self.counters.sequence_gaps += 1;
                self.state.sequence_gaps += 1;
                self.state.sequence_missing += u64::from(missing);
            }
            Arrival::Late(found) => {
                let found = u64::from(found).min(self.state.sequence_missing);
                *total = total.saturating_sub(found);
                self.state.sequence_missing -= found;
            }
        }
    }

    /// Decodes the sets of a message. Returns its number of data records, if all could be decoded.
    fn sets(&mut self, message: Message, body: Reader<'_>) -> Option<u32> {
        let mut units = Some(0_u32);
        for set in Sets::new(body) {
            self.counters.sets += 1;
            let records = match set {
                Ok(set) => self.set(message, set),
                Err(error) => {
                    self.count_undecodable_set(error.reason);
                    None
                }
            };
            units = units.zip(records).and_then(|(units, records)| units.checked_add(records));
        }
        units
    }

    /// Decodes a set. Returns its number of data records, if all could be decoded.
    fn set(&mut self, message: Message, set: Set<'_>) -> Option<u32> {
        match set.kind(message.protocol) {
            Kind::Templates => self.templates(message, set.body, false),
            Kind::OptionsTemplates => self.templates(message, set.body, true),
            Kind::Reserved => {
                self.count_undecodable_set(Reason::ReservedSetId);
                return None;
            }
            Kind::Data(id) => return self.data_set(message, id, set.body),
        }
        Some(0)
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
        let others = self.template_fields.saturating_sub(templates.fields());
        let defined = templates.define(
            key,
            definition,
            self.received_us,
            self.limits.templates_per_exporter,
            self.limits.template_fields.saturating_sub(others),
        );
        *self.template_fields = others + templates.fields();
        defined?;
        for held in self.pending.take(self.address, key) {
            self.counters.sets_waiting = self.counters.sets_waiting.saturating_sub(1);
            self.state.sets_waiting = self.state.sets_waiting.saturating_sub(1);
            self.decode_data_set(key, held.origin, Reader::at(&held.body, held.offset));
        }
        Ok(())
    }

    fn data_set(&mut self, message: Message, id: u16, body: Reader<'_>) -> Option<u32> {
        let key = self.template_key(message, id);
        if self.state.templates.find(&key).is_some() {
            return self.decode_data_set(key, message.origin, body);
        }
        let held = Held {
            received_us: self.received_us,
            origin: message.origin,
            offset: body.offset(),
            body: body.bytes().into(),
        };
        let (total, own) = (self.limits.pending_bytes, self.limits.pending_bytes_per_exporter);
        if self.pending.hold(self.address, key, held, total, own) {
            self.counters.sets_waiting += 1;
            self.state.sets_waiting += 1;
        } else {
            self.counters.sets_refused += 1;
            self.state.sets_expired += 1;
        }
        None
    }

    /// Decodes a data set whose template is known. Returns its number of records.
    fn decode_data_set(&mut self, key: Key, origin: Origin, body: Reader<'_>) -> Option<u32> {
        let State { templates, system_inits_ms, .. } = &mut *self.state;
        let template = templates.find(&key)?;
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
        let (decoded, result) = plan.decode(body, each);
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
        result.ok().and_then(|()| u32::try_from(decoded.records).ok())
    }

    /// Counts the flow records added since there were `first`.
    fn count_flows(&mut self, first: usize, tally: Tally) {
        let added = self.flows.get(first..).unwrap_or_default();
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

/// Position of a protocol in [`Counters::datagrams_by_protocol`].
pub const fn protocol_index(protocol: Protocol) -> usize {
    match protocol {
        Protocol::NetflowV5 => 0,
        Protocol::NetflowV9 => 1,
        Protocol::Ipfix => 2,
    }
}
