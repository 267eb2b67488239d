//! What the intake knows that outlives the process, and how it knows it again.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::{Intake, numbered};
use crate::server::collector::exporter::{Session, State};
use crate::server::collector::options::{Options, Room as OptionsRoom};
use crate::server::collector::quirks;
use crate::server::collector::saved_state::{MAX_AGE_US, SavedExporter, SavedSession, SavedTemplate};
use crate::server::collector::sequence::Sequence;
use crate::server::wire::set::FIRST_DATA_SET;
use crate::server::wire::template_cache::Room;

/// What became of a saved state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Exporters that are known again.
    pub exporters: usize,
    /// Templates that are known again.
    pub templates: usize,
    /// Exporters, templates and options states that were too old, not admitted, made no sense, or found no room.
    pub left_out: usize,
}

impl Intake {
    /// What is known of every exporter and outlives the process. Definitions of templates are shared, not copied.
    pub fn saved(&self) -> Vec<SavedExporter> {
        let saved = |(address, state): (&_, &State)| SavedExporter {
            address: *address,
            sent_from: state.sent_from,
            first_seen_us: state.first_seen_us,
            last_seen_us: state.last_seen_us,
            protocols: state.protocols.clone(),
            templates: state
                .templates
                .iter()
                .filter(|(key, _)| key.session.connection().is_none())
                .map(|(key, template)| SavedTemplate {
                    key: *key,
                    definition: Arc::clone(&template.definition),
                    defined_us: template.defined_us,
                    used_us: template.used_us,
                })
                .collect(),
            sessions: state
                .sessions
                .iter()
                .filter(|(key, _)| key.session.connection().is_none())
                .filter_map(|(key, session)| {
                    let sequence = session.sequence.saved()?;
                    Some(SavedSession { key: *key, sequence, last_seen_us: session.last_seen_us })
                })
                .collect(),
            options: Arc::clone(state.options.state()),
        };
        self.exporters.iter().map(saved).collect()
    }

    /// Knows exporters again that were saved, before the first datagram. What is older than [`MAX_AGE_US`] is left
    /// out, and so is who is no longer admitted and what does not fit the limits, those used last first.
    pub fn restore(&mut self, exporters: Vec<SavedExporter>, now_us: i64) -> Restored {
        let is_young = |time_us: i64| now_us.saturating_sub(time_us) <= MAX_AGE_US;
        let mut restored = Restored::default();
        let mut exporters = exporters;
        exporters.sort_unstable_by_key(|exporter| std::cmp::Reverse(exporter.last_seen_us));
        for saved in exporters {
            let is_full = self.exporters.len() >= self.limits.exporters;
            let address = saved.address.to_canonical();
            let is_admitted = self.rules.admission.admits(saved.sender());
            let Entry::Vacant(new) = self.exporters.entry(address) else {
                restored.left_out += 1;
                continue;
            };
            if is_full || !is_admitted || !is_young(saved.last_seen_us) {
                restored.left_out += 1;
                continue;
            }
            let id = numbered(&mut self.addresses, &mut self.free_ids, address, self.shard);
            self.exporters_admitted += 1;
            restored.exporters += 1;
            let state = new.insert(State::new(id, saved.first_seen_us.min(now_us)));
            state.last_seen_us = saved.last_seen_us.min(now_us);
            state.sent_from = saved.sent_from;
            for protocol in saved.protocols {
                if !state.protocols.contains(&protocol) {
                    state.protocols.push(protocol);
                }
            }
            let most = self.limits.sessions_per_exporter;
            let room = OptionsRoom {
                domains: most,
                weight: self.limits.options_weight_per_exporter,
                common_weight: self.limits.options_weight,
                others: self.options_weight,
            };
            match Options::restored(Arc::unwrap_or_clone(saved.options), room) {
                Some(options) => {
                    self.options_weight += options.weight();
                    state.options = options;
                }
                None => restored.left_out += 1,
            }
            let mut sessions = saved.sessions;
            sessions.retain(|session| {
                session.key.session.connection().is_none() && is_young(session.last_seen_us)
            });
            sessions.sort_unstable_by_key(|session| std::cmp::Reverse(session.last_seen_us));
            let room = most.min(self.limits.sessions.saturating_sub(self.session_count));
            let resumed = sessions.into_iter().take(room).map(|session| {
                let sequence = Sequence::resume(session.sequence);
                (session.key, Session { sequence, last_seen_us: session.last_seen_us.min(now_us) })
            });
            state.sessions = resumed.collect();
            self.session_count += state.sessions.len();

            state.templates.read_out_counters(quirks::out_counters(&self.rules.quirks, address));
            let mut templates = saved.templates;
            templates.sort_unstable_by_key(|template| std::cmp::Reverse(template.used_us));
            for template in templates {
                let SavedTemplate { key, definition, defined_us, used_us } = template;
                let others = self.template_weight.saturating_sub(state.templates.weight());
                let room = Room {
                    templates: self.limits.templates_per_exporter,
                    weight: self.limits.template_weight_per_exporter,
                    common_weight: self.limits.template_weight.saturating_sub(others),
                };
                let is_sound = key.template_id == definition.id
                    && key.session.connection().is_none()
                    && definition.id >= FIRST_DATA_SET
                    && definition.fields.len() <= self.limits.fields_per_template
                    && definition.scope_count <= definition.fields.len()
                    && is_young(used_us)
                    // A full cache makes room for new templates only, not for older ones.
                    && state.templates.weight() + definition.fields.len() < room.weight;
                let definition = Arc::unwrap_or_clone(definition);
                let is_defined =
                    is_sound && state.templates.define(key, definition, defined_us.min(now_us), room).is_ok();
                self.template_weight = others + state.templates.weight();
                if is_defined && let Some(known) = state.templates.find(&key) {
                    known.used_us = used_us.min(now_us);
                    restored.templates += 1;
                } else {
                    restored.left_out += 1;
                }
            }
        }
        restored
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use super::*;
    use crate::model::exporter::Protocol;
    use crate::model::flow_record::FlowRecord;
    use crate::server::collector::admission::Admission;
    use crate::server::collector::intake::{Limits, Rules};
    use crate::server::wire::encode::Exporter;
    use crate::server::wire::template::Definition;

    const NOW_US: i64 = 1_790_000_000_000_000;

    fn source(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 50_000))
    }

    fn intake(limits: Limits) -> Intake {
        Intake::new(limits, Arc::new(Rules::default()))
    }

    /// Datagrams of one flow record each; the first has the templates.
    fn datagrams(protocol: Protocol) -> Vec<Vec<u8>> {
        let mut exporter = Exporter::new(protocol, 3);
        let flow = FlowRecord { bytes: 5, packets: 1, ..FlowRecord::default() };
        (0..10).flat_map(|_| exporter.datagrams(&[flow], NOW_US / 1000, 1000)).collect()
    }

    fn feed(intake: &mut Intake, last: u8, datagrams: &[Vec<u8>]) -> usize {
        let mut flows = Vec::new();
        for datagram in datagrams {
            intake.datagram(source(last), NOW_US, datagram, &mut flows);
        }
        flows.len()
    }

    #[test]
    fn data_sets_after_a_restart_do_not_wait_and_what_passed_meanwhile_is_not_missing() {
        for protocol in [Protocol::NetflowV9, Protocol::Ipfix] {
            let datagrams = datagrams(protocol);
            let mut before = intake(Limits::default());
            assert_eq!(feed(&mut before, 1, &datagrams[..3]), 3);
            let mut after = intake(Limits::default());
            let restored = after.restore(before.saved(), NOW_US + 1);
            after.assert_adds_up();
            assert_eq!(restored, Restored { exporters: 1, templates: 2, left_out: 0 });
            assert_eq!(after.exporters()[0].first_seen_ms, NOW_US / 1000);
            assert_eq!(feed(&mut after, 1, &datagrams[5..7]), 2);
            assert_eq!(feed(&mut after, 1, &datagrams[9..]), 1);
            let exporter = &after.exporters()[0];
            assert_eq!((exporter.datagrams, exporter.sets_waiting), (3, 0));
            assert_eq!((exporter.sequence_stopped, exporter.sequence_missing), (2, 2));
            assert_eq!(after.saved()[0].templates.len(), 2);
        }
    }

    #[test]
    fn templates_of_before_are_not_used_when_the_exporter_restarted_meanwhile() {
        let datagrams = datagrams(Protocol::Ipfix);
        let mut before = intake(Limits::default());
        feed(&mut before, 1, &datagrams[..1]);
        // Its number was far ahead when it was last heard.
        let mut ahead = datagrams[1].clone();
        ahead[8..12].copy_from_slice(&9_000_000_u32.to_be_bytes());
        feed(&mut before, 1, &[ahead]);
        let mut after = intake(Limits::default());
        after.restore(before.saved(), NOW_US);
        assert_eq!(feed(&mut after, 1, &datagrams[1..2]), 0);
        let exporter = &after.exporters()[0];
        assert_eq!((exporter.sets_waiting, exporter.templates.len(), exporter.sequence_stopped), (1, 0, 0));
        assert_eq!(feed(&mut after, 1, &datagrams[..1]), 2, "its templates come, and with them the set");
    }

    #[test]
    fn what_is_old_or_finds_no_room_or_makes_no_sense_is_left_out() {
        let datagrams = datagrams(Protocol::Ipfix);
        let mut before = intake(Limits::default());
        for last in 1..=3 {
            feed(&mut before, last, &datagrams[..1]);
        }
        let mut saved = before.saved();
        saved.sort_unstable_by_key(|exporter| exporter.address);
        saved[0].last_seen_us -= 1;
        let mut one = intake(Limits { exporters: 2, templates_per_exporter: 1, ..Limits::default() });
        assert_eq!(one.restore(saved.clone(), NOW_US), Restored { exporters: 2, templates: 2, left_out: 3 });
        let known: Vec<_> = one.exporters().iter().map(|exporter| exporter.address).collect();
        assert!(!known.contains(&IpAddr::from([192, 0, 2, 1])), "the one longest silent had no room");

        let networks = vec!["192.0.2.2".parse().unwrap()];
        let rules = Rules { admission: Admission::new(networks), ..Rules::default() };
        let restored = Intake::new(Limits::default(), Arc::new(rules)).restore(saved.clone(), NOW_US);
        assert_eq!((restored.exporters, restored.left_out), (1, 2), "only one is still admitted");
        let twice = [&saved[..1], &saved[..1]].concat();
        assert_eq!(intake(Limits::default()).restore(twice, NOW_US).left_out, 1);

        let later = NOW_US + MAX_AGE_US;
        assert_eq!(intake(Limits::default()).restore(saved.clone(), later).exporters, 2);
        assert_eq!(intake(Limits::default()).restore(saved.clone(), later + 1).exporters, 0);

        let template = saved[0].templates[0].clone();
        let changed = |change: fn(&mut Definition)| {
            let mut definition = Definition::clone(&template.definition);
            change(&mut definition);
            SavedTemplate { definition: Arc::new(definition), ..template.clone() }
        };
        saved.truncate(1);
        saved[0].templates = vec![
            changed(|definition| definition.id += 1),
            changed(|definition| definition.scope_count = 1_000),
            changed(|definition| definition.fields.clear()),
            changed(|definition| definition.fields.iter_mut().for_each(|field| field.length = 0)),
            changed(|definition| definition.fields = vec![definition.fields[0]; 1_000]),
        ];
        let restored = intake(Limits::default()).restore(saved, NOW_US);
        assert_eq!(restored, Restored { exporters: 1, templates: 0, left_out: 5 });
    }
}
