use std::sync::Arc;

use super::*;
use crate::server::collector::counters::Counters;
use crate::server::collector::limits::Limits;
use crate::server::wire::encode::Message;
use crate::server::wire::error::Reason;
use crate::server::wire::ipfix;
use crate::server::wire::template::{Definition, Field};

const NOW_US: i64 = 1_790_000_000_000_000;
const PEER: ([u8; 4], u16) = ([192, 0, 2, 1], 40_000);

fn message(domain: u32, write: impl FnOnce(&mut Message)) -> Vec<u8> {
    let header =
        ipfix::Header { length: 0, export_time_s: 1_790_000_000, sequence: 0, observation_domain: domain };
    let mut message = Message::ipfix(&header);
    write(&mut message);
    message.finish()
}

/// Source port and bytes, or more bytes of bytes.
fn layout(id: u16, width: u16) -> Definition {
    let field = |element, length| Field { element, enterprise: 0, length };
    Definition { id, is_options: false, scope_count: 0, fields: vec![field(7, 2), field(1, width)] }
}

fn options(id: u16) -> Definition {
    let scope = Field { element: 149, enterprise: 0, length: 4 };
    Definition { id, is_options: true, scope_count: 1, fields: vec![scope, scope] }
}

fn templates(domain: u32, definitions: &[Definition]) -> Vec<u8> {
    message(domain, |message| definitions.iter().for_each(|definition| message.template(definition)))
}

/// A withdrawal of RFC 7011 §8.1: set, id, field count 0.
fn withdraw(domain: u32, set_id: u16, id: u16) -> Vec<u8> {
    message(domain, |message| {
        message.begin_set(set_id);
        message.record(&layout(0, 2), [&id.to_be_bytes()[..], &[0, 0]]);
    })
}

/// One record of 2 + 2 bytes.
fn data(domain: u32, id: u16) -> Vec<u8> {
    message(domain, |message| {
        message.begin_set(id);
        message.record(&layout(id, 2), [&[0, 80][..], &[0, 9]]);
    })
}

struct Feed {
    intake: Intake,
    flows: Vec<FlowRecord>,
}

impl Feed {
    fn new(limits: Limits) -> Self {
        Self { intake: Intake::new(limits, Arc::default()), flows: Vec::new() }
    }

    fn message(&mut self, connection: u32, message: &[u8]) -> &mut Self {
        self.intake.stream_message(connection, PEER.into(), NOW_US, message, &mut self.flows);
        self
    }

    fn counters(&self) -> Counters {
        self.intake.assert_adds_up();
        self.intake.counters()
    }

    fn templates(&self) -> Vec<(Option<u32>, u32, u16)> {
        let templates = self.intake.exporters().into_iter().flat_map(|exporter| exporter.templates);
        let mut known: Vec<_> =
            templates.map(|one| (one.connection, one.observation_domain, one.template_id)).collect();
        known.sort_unstable();
        known
    }
}

#[test]
fn a_withdrawn_template_is_forgotten_and_its_id_may_get_another_layout() {
    let mut feed = Feed::new(Limits::default());
    feed.message(1, &templates(0, &[layout(256, 2), layout(257, 2)])).message(1, &data(0, 256));
    feed.message(1, &withdraw(0, 2, 256)).message(1, &data(0, 256)).message(1, &data(0, 257));
    assert_eq!((feed.flows.len(), feed.templates()), (2, vec![(Some(1), 0, 257)]));
    feed.message(1, &templates(0, &[layout(256, 4)]));
    let counters = feed.counters();
    assert_eq!((counters.templates_removed, counters.templates_redefined), (1, 0));
    assert_eq!((counters.sets_without_template, counters.sets_waiting), (1, 0));
    assert_eq!(feed.intake.exporters()[0].sets_expired, 1);
}

#[test]
fn withdrawing_all_means_one_kind_in_one_domain_of_one_connection() {
    let mut feed = Feed::new(Limits::default());
    for (connection, domain) in [(1, 0), (1, 7), (2, 0)] {
        feed.message(connection, &templates(domain, &[layout(256, 2), layout(257, 2), options(258)]));
    }
    feed.message(1, &withdraw(0, 2, 2));
    let all = |connection, domain| [256, 257, 258].map(|id| (Some(connection), domain, id));
    let expected = [&[(Some(1), 0, 258)][..], &all(1, 7), &all(2, 0)].concat();
    assert_eq!(feed.templates(), expected);
    feed.message(1, &withdraw(0, 3, 3));
    assert_eq!(feed.templates(), expected[1..]);
    assert_eq!((feed.counters().templates_removed, feed.counters().unknown_withdrawals), (3, 0));
}

#[test]
fn a_withdrawal_of_what_is_not_known_is_counted_and_harmless() {
    let mut feed = Feed::new(Limits::default());
    feed.message(1, &templates(0, &[layout(256, 2)]));
    feed.message(1, &withdraw(0, 2, 999)).message(1, &withdraw(5, 2, 256)).message(1, &data(0, 256));
    assert_eq!((feed.flows.len(), feed.counters().unknown_withdrawals), (1, 2));
}

#[test]
fn another_layout_without_a_withdrawal_replaces_the_old_one_and_is_counted() {
    let mut feed = Feed::new(Limits::default());
    feed.message(1, &templates(0, &[layout(256, 4)])).message(1, &templates(0, &[layout(256, 4)]));
    assert_eq!(feed.counters().templates_redefined, 0);
    feed.message(1, &templates(0, &[layout(256, 2)])).message(1, &data(0, 256));
    assert_eq!((feed.flows.len(), feed.counters().templates_redefined), (1, 1));
}

#[test]
fn the_end_of_a_connection_forgets_its_templates_and_those_of_no_other() {
    let mut feed = Feed::new(Limits::default());
    feed.intake.datagram(PEER.into(), NOW_US, &templates(0, &[layout(256, 2)]), &mut feed.flows);
    feed.message(1, &templates(0, &[layout(256, 2)])).message(2, &templates(0, &[layout(256, 2)]));
    feed.intake.stream_ended(1, PEER.into());
    assert_eq!(feed.templates(), [(None, 0, 256), (Some(2), 0, 256)]);
    feed.message(3, &data(0, 256)).message(2, &data(0, 256));
    assert_eq!((feed.flows.len(), feed.counters().sets_without_template), (1, 1));
    assert_eq!(feed.counters().templates_ended, 1);
    feed.intake.stream_ended(4, ([203, 0, 113, 1], 1).into());
}

#[test]
fn a_storm_of_templates_over_udp_costs_a_connection_none_of_its_templates() {
    let mut feed = Feed::new(Limits { template_weight: 1_000, ..Limits::default() });
    let ids: Vec<u16> = (256..266).collect();
    let layouts: Vec<_> = ids.iter().map(|&id| layout(id, 2)).collect();
    feed.message(1, &templates(0, &layouts)).message(1, &data(0, 256));
    for last in 1..=50 {
        let mut datagram = |payload: &[u8]| {
            let source = ([198, 51, 100, last], 1).into();
            feed.intake.datagram(source, NOW_US, payload, &mut feed.flows);
        };
        datagram(&templates(0, &[layout(256, 2), layout(257, 2)]));
        datagram(&data(0, 256));
    }
    feed.intake.expire(NOW_US);
    feed.counters();
    assert!(feed.intake.template_weight <= 750, "{}", feed.intake.template_weight);
    let kept: Vec<_> = feed
        .templates()
        .into_iter()
        .filter(|(connection, ..)| connection.is_some())
        .map(|(.., id)| id)
        .collect();
    assert_eq!(kept, ids);
}

#[test]
fn connections_that_came_and_went_leave_the_sessions_of_the_others_their_room() {
    let mut feed = Feed::new(Limits { sessions: 8, ..Limits::default() });
    for connection in 0..100 {
        feed.message(connection, &data(0, 256)).message(connection, &data(1, 256));
        feed.intake.stream_ended(connection, PEER.into());
        feed.counters();
    }
    assert_eq!(feed.intake.session_count, 0);
}

#[test]
fn only_ipfix_is_taken_from_a_connection() {
    let mut feed = Feed::new(Limits::default());
    feed.message(1, &[0, 5, 0, 0]).message(1, &[0, 9, 0, 0]);
    let counters = feed.counters();
    assert_eq!(counters.undecodable_datagrams[Reason::UnknownVersion.index()], 2);
    assert_eq!((counters.datagrams, counters.stream_messages), (2, 2));
}

#[test]
fn an_exporter_with_an_open_connection_is_not_forgotten_for_its_silence() {
    let limits = Limits { exporters: 2, ..Limits::default() };
    let mut feed = Feed::new(limits);
    feed.message(1, &templates(0, &[layout(256, 2)]));
    let late = |feed: &mut Feed, last| {
        let source = ([198, 51, 100, last], 1).into();
        feed.intake.datagram(source, NOW_US + limits.idle_us, &[0, 8], &mut Vec::new());
    };
    late(&mut feed, 1);
    late(&mut feed, 2);
    feed.intake.expire(NOW_US + 10 * limits.idle_us);
    assert_eq!((feed.templates(), feed.counters().exporters_forgotten), (vec![(Some(1), 0, 256)], 1));
    feed.intake.stream_ended(1, PEER.into());
    late(&mut feed, 1);
    late(&mut feed, 2);
    feed.intake.expire(NOW_US + 20 * limits.idle_us);
    assert_eq!(feed.intake.exporter_count(), 0);
}
