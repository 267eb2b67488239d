//! Datagrams in, flow records out, and an account of everything that came.
//!
//! Owned by one thread; no locks, no clock of its own, no input can make it panic or grow without bound
//! ([`Limits`]). Every datagram and every set ends in exactly one place ([`Counters`]).
//!
//! When the table of exporters is full, new ones are refused, and [`Intake::expire`] makes room by forgetting
//! silent ones. So spoofed sources cannot push out an exporter that is heard and read, nor keep others out
//! for longer than they go on.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::model::admission::NotAdmitted;
use crate::model::double_counting::DoubleCounting;
use crate::model::exporter::Exporter;
use crate::model::flow_record::{ExporterId, FlowRecord};
use crate::server::wire::error::Reason;
use crate::server::wire::sflow_v5;
use crate::server::wire::transport_session::TransportSession;

use super::admission::TurnedAway;
pub use super::counters::Counters;
use super::datagram::Datagram;
use super::deduplication::Owners;
use super::double_counting::Evidence;
pub use super::exporter::ExporterSnapshot;
use super::exporter::State;
pub use super::limits::Limits;
use super::options::{self, Kind, OptionsState};
use super::pending::Pending;
use super::rules::Rules;
use super::sequence::Content;
use super::steering::{PINNED, Shard};

mod saving;
mod stream;
#[cfg(test)]
mod tests;

pub use self::saving::Restored;

/// All that is known of the exporters, and the way from their datagrams to flow records.
#[derive(Clone, Debug)]
pub struct Intake {
    limits: Limits,
    rules: Arc<Rules>,
    shard: Shard,
    exporters: HashMap<IpAddr, State>,
    /// Address of each exporter by its number, unspecified at the numbers of other workers; numbers of forgotten
    /// exporters are given again.
    addresses: Vec<IpAddr>,
    free_ids: Vec<ExporterId>,
    exporters_admitted: u64,
    template_weight: usize,
    options_weight: usize,
    /// Options data records that found no room up to the latest [`expire`](Self::expire).
    options_refused: u64,
    session_count: usize,
    /// Datagrams refused for a full table up to the latest [`expire`](Self::expire).
    exporters_refused: u64,
    /// Templates refused for the common weight up to the latest [`expire`](Self::expire).
    templates_refused: u64,
    /// Samples not followed for the limit of data sources up to the latest [`expire`](Self::expire).
    samples_not_followed: u64,
    pending: Pending,
    counters: Counters,
    turned_away: TurnedAway,
    owners: Owners,
    evidence: Arc<Evidence>,
}

impl Intake {
    /// Knows no exporter yet.
    pub fn new(limits: Limits, rules: Arc<Rules>) -> Self {
        Self {
            limits,
            rules,
            shard: Shard::WHOLE,
            exporters: HashMap::new(),
            addresses: Vec::new(),
            free_ids: Vec::new(),
            exporters_admitted: 0,
            template_weight: 0,
            options_weight: 0,
            options_refused: 0,
            session_count: 0,
            exporters_refused: 0,
            templates_refused: 0,
            samples_not_followed: 0,
            pending: Pending::default(),
            counters: Counters::default(),
            turned_away: TurnedAway::default(),
            owners: Owners::new(limits.owned_flows),
            evidence: Arc::default(),
        }
    }

    /// One for each of so many workers: the limits are divided among them, no two give the same number to an exporter,
    /// and they look for flows counted twice together. The worker that rules pin exporters to may get all of them,
    /// and has room for all.
    pub fn for_workers(limits: Limits, rules: &Arc<Rules>, count: usize) -> Vec<Self> {
        let evidence: Arc<Evidence> = Arc::default();
        let may_get_all = |index| index == PINNED && !rules.pinned_networks().is_empty();
        let of = |index| Self {
            shard: Shard { index, count },
            evidence: Arc::clone(&evidence),
            ..Self::new(if may_get_all(index) { limits } else { limits.divided(count) }, Arc::clone(rules))
        };
        (0..count).map(of).collect()
    }

    /// Decodes one datagram and appends its flow records to `flows`, and then [releases](Self::release)
    /// what waited. `received_us` is the receive time, microseconds since 1970.
    pub fn datagram(
        &mut self,
        source: SocketAddr,
        received_us: i64,
        payload: &[u8],
        flows: &mut Vec<FlowRecord>,
    ) {
        let session = TransportSession::Udp { source_port: source.port() };
        self.message(session, source, received_us, payload, flows);
    }

    /// Decodes one datagram, or one message of a stream.
    fn message(
        &mut self,
        session: TransportSession,
        source: SocketAddr,
        received_us: i64,
        payload: &[u8],
        flows: &mut Vec<FlowRecord>,
    ) {
        let length = payload.len() as u64;
        self.counters.datagrams += 1;
        self.counters.datagram_bytes += length;
        let sender = source.ip().to_canonical();
        if !self.rules.admission.admits(sender) {
            self.counters.datagrams_not_admitted += 1;
            self.counters.not_admitted_replaced += u64::from(self.turned_away.saw(sender, received_us));
            return;
        }
        let address = sflow_v5::agent(payload).unwrap_or(sender);
        let is_full = self.exporters.len() >= self.limits.exporters;
        let state = match self.exporters.entry(address) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if is_full => {
                self.counters.undecodable_datagrams[Reason::ExporterTableFull.index()] += 1;
                return;
            }
            Entry::Vacant(new) => {
                let id = numbered(&mut self.addresses, &mut self.free_ids, address, self.shard);
                self.exporters_admitted += 1;
                new.insert(State::new(id, received_us))
            }
        };
        state.last_seen_us = received_us;
        state.datagrams += 1;
        state.datagram_bytes += length;
        state.sent_from = Some(sender).filter(|sender| *sender != address);
        let mut datagram = Datagram {
            limits: &self.limits,
            rules: &self.rules,
            address,
            session,
            received_us,
            state,
            template_weight: &mut self.template_weight,
            options_weight: &mut self.options_weight,
            session_count: &mut self.session_count,
            pending: &mut self.pending,
            counters: &mut self.counters,
            flows,
            room: self.limits.flows_per_datagram,
            owners: &mut self.owners,
            evidence: &self.evidence,
        };
        if let Err(error) = datagram.decode(payload) {
            datagram.state.undecodable[error.reason.index()] += 1;
            datagram.counters.undecodable_datagrams[error.reason.index()] += 1;
        }
        self.release(received_us, flows);
    }

    /// Decodes data sets that waited and whose template has come, of all exporters, and appends their flow
    /// records to `flows`: at most [`Limits::flows_per_datagram`], what is left in the next call.
    pub fn release(&mut self, now_us: i64, flows: &mut Vec<FlowRecord>) {
        let mut room = self.limits.flows_per_datagram;
        while let Some((address, key, held)) = self.pending.first_ready() {
            let Some(state) = self.exporters.get_mut(&address) else {
                self.pending.wait_again();
                continue;
            };
            let Some(template) = state.templates.find(&key) else {
                self.pending.wait_again();
                continue;
            };
            let most = template.plan.most_flows(held.body.len());
            // A set that could never fit is decoded alone, to the limit.
            if most > room && room < self.limits.flows_per_datagram {
                return;
            }
            let Some(held) = self.pending.take_ready() else { return };
            let mut datagram = Datagram {
                limits: &self.limits,
                rules: &self.rules,
                address,
                session: key.session,
                received_us: now_us,
                state,
                template_weight: &mut self.template_weight,
                options_weight: &mut self.options_weight,
                session_count: &mut self.session_count,
                pending: &mut self.pending,
                counters: &mut self.counters,
                flows,
                room,
                owners: &mut self.owners,
                evidence: &self.evidence,
            };
            datagram.held(key, &held);
            room = room.saturating_sub(most);
        }
    }

    /// Gives up the data sets that wait for too long, and makes room for exporters and templates if some
    /// had to be refused. To be called about once a second.
    pub fn expire(&mut self, now_us: i64) {
        let before_us = now_us.saturating_sub(self.limits.pending_us);
        let (exporters, counters) = (&mut self.exporters, &mut self.counters);
        self.pending.expire(before_us, |address, key, held| {
            counters.sets_waiting = counters.sets_waiting.saturating_sub(1);
            counters.sets_expired += 1;
            if let Some(state) = exporters.get_mut(&address) {
                state.sets_waiting = state.sets_waiting.saturating_sub(1);
                state.sets_expired += 1;
                state.resolve(key, held.sequence, Content::from(None), counters);
            }
        });
        let exporters_refused = self.counters.undecodable_datagrams[Reason::ExporterTableFull.index()];
        if exporters_refused > self.exporters_refused {
            self.exporters_refused = exporters_refused;
            self.forget_silent_exporters(now_us);
        }
        let templates_refused = self.counters.undecodable_templates[Reason::TemplateFieldsFull.index()];
        if templates_refused > self.templates_refused {
            self.templates_refused = templates_refused;
            self.share_template_weight();
        }
        let options_refused = self.counters.options_by_kind[Kind::NotKept.index()];
        if options_refused > self.options_refused {
            self.options_refused = options_refused;
            self.make_room_for_options();
        }
        if self.counters.sflow.samples_not_followed > self.samples_not_followed {
            self.samples_not_followed = self.counters.sflow.samples_not_followed;
            let since_us = now_us.saturating_sub(self.limits.idle_us);
            let forget = |state: &mut State| state.sflow.forget_silent_sources(since_us);
            let forgotten: u64 = self.exporters.values_mut().map(forget).sum();
            self.counters.sflow.data_sources -= forgotten;
        }
        self.evidence.tell(now_us, &self.rules.count_once);
    }

    /// Makes a quarter of the common weight of options free if names have used up theirs: exporters without flow
    /// records lose what their options records said, then those with most lose their names. It comes again.
    fn make_room_for_options(&mut self) {
        let for_names = self.limits.options_weight - self.limits.options_weight / 4;
        let target = for_names - self.limits.options_weight / 4;
        if self.options_weight + options::DOMAIN_WEIGHT + options::MAX_ENTRY_WEIGHT <= for_names {
            return;
        }
        let mut by_weight: Vec<_> = self.exporters.values_mut().collect();
        by_weight.sort_unstable_by_key(|state| {
            (state.traffic.flows > 0, std::cmp::Reverse(state.options.weight()))
        });
        for state in by_weight {
            if self.options_weight <= target {
                return;
            }
            let before = state.options.weight();
            state.options.forget(state.traffic.flows > 0);
            self.options_weight = self.options_weight.saturating_sub(before) + state.options.weight();
        }
    }

    /// Makes a quarter of the common template weight free: first exporters without flow records lose all
    /// their templates, the heaviest first, then no exporter keeps more than an equal share. Those with connections,
    /// over which templates come only once, lose none unless they have more than half of the rest.
    fn share_template_weight(&mut self) {
        let target = self.limits.template_weight - self.limits.template_weight / 4;
        let mut by_weight: Vec<_> = self.exporters.values_mut().collect();
        by_weight.sort_unstable_by_key(|state| std::cmp::Reverse(state.templates.weight()));
        let mut total = self.template_weight;
        let shrink = |state: &mut State, total: &mut usize, share| {
            let others = total.saturating_sub(state.templates.weight());
            state.templates.shrink(share);
            *total = others + state.templates.weight();
        };
        for state in
            by_weight.iter_mut().filter(|state| state.traffic.flows == 0 && state.connections.is_empty())
        {
            if total > target {
                shrink(state, &mut total, 0);
            }
        }
        let connected = by_weight.iter().filter(|state| !state.connections.is_empty());
        let of_connected: usize = connected.map(|state| state.templates.weight()).sum();
        let mut room = target;
        if of_connected <= target / 2 {
            by_weight.retain(|state| state.connections.is_empty());
            room -= of_connected;
        }
        // From the lightest up: what one leaves of its share, the others may use.
        by_weight.sort_unstable_by_key(|state| state.templates.weight());
        let mut sharers = by_weight.len();
        for state in by_weight {
            let share = room / sharers.max(1);
            if total > target {
                shrink(state, &mut total, share);
            }
            room = room.saturating_sub(state.templates.weight());
            sharers -= 1;
        }
        self.template_weight = total;
    }

    fn forget_silent_exporters(&mut self, now_us: i64) {
        let Self {
            limits,
            exporters,
            free_ids,
            template_weight,
            options_weight,
            session_count,
            pending,
            counters,
            ..
        } = self;
        // An exporter that holds a connection is there, silent or not, and would not send its templates again.
        let is_silent = |state: &State| {
            state.connections.is_empty() && now_us.saturating_sub(state.last_seen_us) >= limits.idle_us
        };
        let mut silent: Vec<_> = exporters
            .iter()
            .filter(|(_, state)| is_silent(state))
            .map(|(address, state)| (state.traffic.flows > 0, state.datagrams, state.last_seen_us, *address))
            .collect();
        silent.sort_unstable();
        let kept = limits.exporters - limits.exporters.div_ceil(8);
        for (is_productive, _, _, address) in silent {
            if is_productive && exporters.len() <= kept {
                break;
            }
            if let Some(state) = exporters.remove(&address) {
                *template_weight = template_weight.saturating_sub(state.templates.weight());
                *options_weight = options_weight.saturating_sub(state.options.weight());
                counters.sflow.data_sources -= state.sflow.data_sources();
                *session_count = session_count.saturating_sub(state.sessions.len());
                counters.exporters_forgotten += 1;
                free_ids.push(state.id);
            }
        }
        let count = pending.forget_unknown(|address| exporters.contains_key(address));
        counters.sets_waiting = counters.sets_waiting.saturating_sub(count);
        counters.sets_expired += count;
    }

    /// What is known of every exporter, in the order of their numbers, for another thread to show.
    pub fn exporter_snapshots(&self) -> Vec<ExporterSnapshot> {
        let mut snapshots: Vec<_> =
            self.exporters.iter().map(|(address, state)| state.snapshot(*address)).collect();
        snapshots.sort_unstable_by_key(|snapshot| snapshot.summary().id);
        snapshots
    }

    /// What is known of every exporter, in the order of their numbers, shown at once.
    pub fn exporters(&self) -> Vec<Exporter> {
        self.exporter_snapshots().into_iter().map(ExporterSnapshot::into_exporter).collect()
    }

    /// What the options records of an exporter said.
    pub fn options(&self, exporter: IpAddr) -> Option<&OptionsState> {
        self.exporters.get(&exporter).map(|state| &**state.options.state())
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

    /// Who was seen and not admitted, the one heard last first.
    pub fn not_admitted(&self) -> Vec<NotAdmitted> {
        self.turned_away.list()
    }

    /// Where flows look as if they were counted twice, at the latest [`expire`](Self::expire).
    pub fn double_counting(&self) -> Arc<Vec<DoubleCounting>> {
        self.evidence.told()
    }

    /// What is seen of flows counted twice, by all workers together.
    pub(super) const fn evidence(&self) -> &Arc<Evidence> {
        &self.evidence
    }

    /// The account of everything that came.
    pub const fn counters(&self) -> Counters {
        self.counters
    }
}

/// A free number for a new exporter, which `addresses` then knows it by: of the numbers that leave the rest `shard.index`
/// when divided by `shard.count`.
fn numbered(
    addresses: &mut Vec<IpAddr>,
    free: &mut Vec<ExporterId>,
    address: IpAddr,
    shard: Shard,
) -> ExporterId {
    let again = free.pop().and_then(|id| Some((id, usize::try_from(id.0).ok()?)));
    if let Some((id, known)) = again.and_then(|(id, index)| Some((id, addresses.get_mut(index)?))) {
        *known = address;
        return id;
    }
    let next = if addresses.is_empty() { shard.index } else { addresses.len() - 1 + shard.count };
    addresses.resize(next, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    addresses.push(address);
    ExporterId(u32::try_from(next).unwrap_or(u32::MAX))
}
