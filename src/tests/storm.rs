//! Storms of templates and bombs of lengths: memory stays bounded, all of it is counted, and nobody else is hurt.
//!
//! A test binary of its own, because it looks at the memory of the whole process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use meridian::model::flow_record::FlowRecord;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::wire::encode::Message;
use meridian::server::wire::error::Reason;
use meridian::server::wire::ipfix;
use meridian::server::wire::template::{Definition, Field};

/// What the default limits let a thousand attackers make the process keep, in bytes.
const BOUND_BYTES: u64 = 128 << 20;
const ATTACKERS: u16 = 1_000;
const TEMPLATES: u16 = 100;
const FIELDS: u16 = 60;
const START_US: i64 = 1_790_000_000_000_000;

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

fn message(domain: u32) -> Message {
    let export_time_s = u32::try_from(START_US / 1_000_000).unwrap();
    Message::ipfix(&ipfix::Header { length: 0, export_time_s, sequence: 0, observation_domain: domain })
}

fn definition(id: u16, fields: impl IntoIterator<Item = (u16, u16)>) -> Definition {
    let field = |(element, length)| Field { element, enterprise: 0, length };
    Definition { id, is_options: false, scope_count: 0, fields: fields.into_iter().map(field).collect() }
}

fn attacker(number: u16, port: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    SocketAddr::new(IpAddr::from([10, 0, high, low]), port)
}

/// One exporter among attackers.
struct Victim {
    source: SocketAddr,
    layout: Definition,
    sent: u64,
}

impl Victim {
    fn new() -> Self {
        Self {
            source: SocketAddr::from(([192, 0, 2, 1], 50_000)),
            layout: definition(256, [(8, 4), (12, 4), (1, 4)]),
            sent: 0,
        }
    }

    fn templates(&self) -> Vec<u8> {
        let mut message = message(1);
        message.template(&self.layout);
        message.finish()
    }

    fn data(&mut self) -> Vec<u8> {
        let mut message = message(1);
        message.begin_set(256);
        message.record(&self.layout, [&[10, 0, 0, 1][..], &[198, 51, 100, 7], &[0, 0, 5, 220]]);
        self.sent += 1;
        message.finish()
    }
}

/// All that one attacker sends: templates, records of no bytes, lengths that lie, data that nothing describes.
fn attack(number: u16, mut send: impl FnMut(SocketAddr, &[u8])) {
    let mut templates = message(0);
    for id in 0..TEMPLATES {
        // Each layout is another, so that none is only confirmed.
        let fields = (0..FIELDS).map(|field| (1 + (field + id + number) % 400, 1 + field % 8));
        templates.template(&definition(256 + id, fields));
    }
    send(attacker(number, 1_000), &templates.finish());

    // Records without bytes: a template of fields of length 0, and data for it.
    let mut empty = message(0);
    empty.template(&definition(1_000, [(1, 0), (2, 0)]));
    empty.begin_set(1_000);
    empty.record(&definition(1_000, [(1, 60_000)]), [&vec![0xff; 60_000][..]]);
    send(attacker(number, 1_000), &empty.finish());

    // Records of one byte, 60,000 of them.
    let mut tiny = message(0);
    tiny.template(&definition(1_001, [(4, 1)]));
    tiny.begin_set(1_001);
    tiny.record(&definition(1_001, [(4, 60_000)]), [&vec![6; 60_000][..]]);
    send(attacker(number, 1_000), &tiny.finish());

    // A message, a set, a field and a template that claim more than there is.
    let mut lying = message(0);
    lying.template(&definition(1_002, [(82, 65_535)]));
    lying.begin_set(1_002);
    let mut lying = lying.finish();
    lying.extend([255, 0xff, 0xff, 1]);
    lying[2..4].copy_from_slice(&[0xff, 0xff]);
    send(attacker(number, 1_000), &lying);
    let mut long_set = message(0);
    long_set.begin_set(256);
    let mut long_set = long_set.finish();
    long_set[18..20].copy_from_slice(&[0xff, 0xff]);
    send(attacker(number, 1_000), &long_set);
    let mut many_fields = message(0);
    many_fields.template(&definition(1_003, [(1, 4)]));
    let mut many_fields = many_fields.finish();
    many_fields[22..24].copy_from_slice(&[0xff, 0xff]);
    send(attacker(number, 1_000), &many_fields);

    // From many ports and domains, data whose template never comes.
    for port in 0..300 {
        let mut unknown = message(u32::from(port));
        unknown.begin_set(2_000);
        unknown.record(&definition(2_000, [(1, 100)]), [&[1; 100][..]]);
        send(attacker(number, 2_000 + port), &unknown.finish());
    }
}

#[test]
fn memory_stays_under_the_stated_bound_everything_is_counted_and_others_lose_nothing() {
    let mut intake = Intake::new(Limits::default(), Arc::default());
    let mut flows: Vec<FlowRecord> = Vec::new();
    let mut victim = Victim::new();
    let mut now_us = START_US;
    intake.datagram(victim.source, now_us, &victim.templates(), &mut flows);
    let before = resident_bytes();
    let mut most = before;
    let mut datagrams = 1;
    for number in 0..ATTACKERS {
        attack(number, |source, payload| {
            intake.datagram(source, now_us, payload, &mut flows);
            datagrams += 1;
            flows.clear();
        });
        intake.datagram(victim.source, now_us, &victim.data(), &mut flows);
        datagrams += 1;
        assert_eq!(flows.len(), 1, "the victim's flow comes at once");
        flows.clear();
        if number % 50 == 0 {
            now_us += 1_000_000;
            intake.expire(now_us);
            most = most.max(resident_bytes());
        }
    }
    most = most.max(resident_bytes());
    let grown = most - before;
    println!("{} MiB more than before the storm of {datagrams} datagrams", grown >> 20);
    assert!(grown < BOUND_BYTES, "{grown} bytes");

    let counters = intake.counters();
    assert_eq!(counters.imbalance(), None);
    assert_eq!(counters.datagrams, datagrams);
    let records = u64::from(ATTACKERS) * (u64::from(TEMPLATES) + 4) + 1;
    assert_eq!(counters.template_records, records);
    let refused = |reason: Reason| counters.undecodable_templates[reason.index()];
    assert!(refused(Reason::TemplateFieldsFull) > 0, "the common room was short: {counters:?}");
    assert_eq!(refused(Reason::EmptyTemplate), u64::from(ATTACKERS));
    assert!(counters.sets_refused > 0, "the room to wait was short: {counters:?}");
    let exporters = intake.exporters();
    let known = exporters.iter().find(|exporter| exporter.address == victim.source.ip()).unwrap();
    assert_eq!((known.traffic.flows, known.sets_waiting, known.sets_expired), (victim.sent, 0, 0));
    assert!(known.undecodable.is_empty());
}
