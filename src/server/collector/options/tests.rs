use std::net::SocketAddr;

use super::*;
use crate::model::exporter::Protocol;
use crate::server::collector::intake::{Intake, Limits};
use crate::server::wire::encode::Message;
use crate::server::wire::ipfix;
use crate::server::wire::options_plan::OptionsPlan;
use crate::server::wire::reader::Reader;
use crate::server::wire::template::{Definition, Field};

const ROOM: Room = Room { domains: 4, weight: 1 << 20, common_weight: 1 << 24, others: 0 };

/// Teaches a record of these fields: element, and its bytes. The first is the scope.
fn teach(options: &mut Options, domain: u32, room: Room, fields: &[(u16, &[u8])]) -> Kind {
    let field = |(element, value): &(u16, &[u8])| Field {
        element: *element,
        enterprise: 0,
        length: u16::try_from(value.len()).unwrap(),
    };
    let fields_of = fields.iter().map(field).collect();
    let definition = Definition { id: 256, is_options: true, scope_count: 1, fields: fields_of };
    let body: Vec<u8> = fields.iter().flat_map(|(_, value)| value.iter().copied()).collect();
    let mut kind = None;
    let plan = OptionsPlan::compile(Protocol::Ipfix, &definition);
    let (decoded, result) =
        plan.decode(Reader::new(&body), |record| kind = Some(options.learn(record, domain, room)));
    assert_eq!((decoded.records, result), (1, Ok(())));
    assert_eq!(options.weight(), options.state().weight(), "the weight is that of what is kept");
    kind.unwrap()
}

fn name(options: &mut Options, index: u8, room: Room, text: &[u8]) -> Kind {
    teach(options, 1, room, &[(10, &[index]), (82, text)])
}

#[test]
fn each_kind_of_options_record_is_told_from_the_others() {
    let mut options = Options::default();
    let mut kind = |fields: &[(u16, &[u8])]| teach(&mut options, 1, ROOM, fields);
    assert_eq!(kind(&[(144, &[1]), (34, &[9])]), Kind::Sampling);
    assert_eq!(kind(&[(143, &[1]), (160, &[1, 2]), (305, &[1]), (306, &[0]), (82, b"eth0")]), Kind::Sampling);
    assert_eq!(kind(&[(10, &[7]), (83, b"uplink")]), Kind::Interface);
    assert_eq!(kind(&[(95, &[3, 0, 80]), (96, b"http"), (94, b"World Wide Web")]), Kind::Application);
    assert_eq!(kind(&[(234, &[4]), (236, b"guests")]), Kind::Vrf);
    assert_eq!(kind(&[(144, &[1]), (160, &[9, 9])]), Kind::SystemInit);
    assert_eq!(kind(&[(144, &[1]), (41, &[9]), (42, &[9])]), Kind::NotUnderstood);
    assert_eq!(kind(&[(58, &[9]), (82, b"vlan9")]), Kind::NotUnderstood, "it is no name of an interface");

    let state = options.state();
    let domain = &state.domains[&1];
    assert_eq!(domain.by_interface[&0].interval, 1);
    assert_eq!(
        (domain.interfaces[&0].name.as_str(), domain.interfaces[&7].description.as_str()),
        ("eth0", "uplink")
    );
    assert_eq!(domain.applications[&(3 << 56 | 0x50)], "http");
    assert_eq!((domain.vrfs[&4].as_str(), domain.system_init_ms), ("guests", Some(0x0909)));
    assert_eq!((state.interface_names(), state.application_names()), (2, 1));
}

#[test]
fn a_full_exporter_keeps_what_it_has_and_counts_what_comes() {
    let room = Room { weight: 4 * (DOMAIN_WEIGHT + 3 * (ENTRY_WEIGHT + 4)) / 3, ..ROOM };
    let mut options = Options::default();
    let kinds = [1, 2, 3, 4].map(|index| name(&mut options, index, room, b"eth0"));
    assert_eq!(kinds, [Kind::Interface, Kind::Interface, Kind::Interface, Kind::NotKept]);
    assert_eq!(name(&mut options, 1, room, b"eth9"), Kind::Interface, "the same room");
    assert_eq!(name(&mut options, 1, room, b"eth10"), Kind::NotKept);
    assert_eq!(options.state().interface_names(), 2, "a name that is no longer true is not kept");
    assert_eq!(
        teach(&mut options, 1, room, &[(144, &[1]), (34, &[9])]),
        Kind::Sampling,
        "samplers have room"
    );
}

#[test]
fn names_of_all_exporters_leave_room_for_the_samplers_of_each() {
    let room = Room { common_weight: 1 << 16, others: 3 << 14, ..ROOM };
    let mut options = Options::default();
    assert_eq!(name(&mut options, 1, room, b"eth0"), Kind::NotKept);
    assert_eq!(teach(&mut options, 1, room, &[(144, &[1]), (34, &[9])]), Kind::Sampling);
    let full = Room { others: 1 << 16, ..room };
    assert_eq!(teach(&mut options, 1, full, &[(302, &[1]), (34, &[9])]), Kind::NotKept);
}

#[test]
fn domains_are_bounded() {
    let mut options = Options::default();
    let kinds =
        [1, 2, 3, 4, 5, 1].map(|domain| teach(&mut options, domain, ROOM, &[(144, &[1]), (34, &[9])]));
    assert_eq!(kinds.map(|kind| kind == Kind::NotKept), [false, false, false, false, true, false]);
    assert!(!options.learn_system_init(7, 6, ROOM));
    assert_eq!(options.system_init_ms(6), None);
}

#[test]
fn a_domain_started_when_it_says_and_else_when_domain_0_says() {
    let mut options = Options::default();
    assert!(options.learn_system_init(7, 0, ROOM) && options.learn_system_init(9, 5, ROOM));
    assert_eq!([5, 6].map(|domain| options.system_init_ms(domain)), [Some(9), Some(7)]);
    assert!(options.learn_system_init(0, 5, ROOM), "0 says nothing");
    assert_eq!(options.system_init_ms(5), Some(9));
}

#[test]
fn what_is_shown_does_not_change_under_the_one_who_shows_it() {
    let mut options = Options::default();
    name(&mut options, 1, ROOM, b"eth0");
    let shown = Arc::clone(options.state());
    name(&mut options, 1, ROOM, b"eth0");
    assert!(Arc::ptr_eq(&shown, options.state()), "what is said again costs nothing");
    name(&mut options, 1, ROOM, b"eth1");
    let names = [&shown, options.state()].map(|state| state.interfaces()[0].name.clone());
    assert_eq!(names, ["eth0", "eth1"]);
}

#[test]
fn the_state_survives_being_saved_and_is_refused_where_it_does_not_fit() {
    let mut options = Options::default();
    name(&mut options, 1, ROOM, b"eth0");
    teach(&mut options, 2, ROOM, &[(302, &[1]), (34, &[9]), (84, b"fast")]);
    teach(&mut options, 2, ROOM, &[(144, &[1]), (160, &[9, 9])]);
    let json = serde_json::to_string(&**options.state()).unwrap();
    let state: OptionsState = serde_json::from_str(&json).unwrap();
    assert_eq!(state, **options.state());
    let bytes = postcard::to_allocvec(&state).unwrap();
    assert_eq!(postcard::from_bytes::<OptionsState>(&bytes).unwrap(), state);
    assert_eq!(Options::restored(state.clone(), ROOM).unwrap().weight(), options.weight());
    assert!(Options::restored(state.clone(), Room { domains: 1, ..ROOM }).is_none());
    assert!(Options::restored(state, Room { weight: DOMAIN_WEIGHT, ..ROOM }).is_none());
}

#[test]
fn names_can_be_forgotten_without_the_samplers() {
    let mut options = Options::default();
    name(&mut options, 1, ROOM, b"eth0");
    teach(&mut options, 1, ROOM, &[(302, &[1]), (34, &[9])]);
    options.forget(true);
    assert_eq!((options.state().samplers().len(), options.state().interface_names()), (1, 0));
    options.forget(false);
    assert_eq!((options.weight(), options.state().domains.len()), (0, 0));
}

/// An exporter's message of so many interface names, and a sampler of its domain.
fn names_and_sampler(count: u8) -> Vec<u8> {
    let field = |element, length| Field { element, enterprise: 0, length };
    let names =
        Definition { id: 256, is_options: true, scope_count: 1, fields: vec![field(10, 1), field(82, 60)] };
    let sampler = Definition { id: 257, fields: vec![field(144, 1), field(34, 1)], ..names.clone() };
    let header = ipfix::Header { length: 0, export_time_s: 0, sequence: 0, observation_domain: 1 };
    let mut message = Message::ipfix(&header);
    message.template(&names);
    message.template(&sampler);
    message.begin_set(256);
    for index in 1..=count {
        message.record(&names, [&[index][..], &[b'x'; 60][..]]);
    }
    message.begin_set(257);
    message.record(&sampler, [&[1][..], &[9][..]]);
    message.finish()
}

#[test]
fn spoofed_exporters_full_of_names_keep_no_other_from_its_sampler_and_soon_not_from_its_names() {
    let limits =
        Limits { options_weight: 1 << 17, options_weight_per_exporter: 1 << 15, ..Limits::default() };
    let mut intake = Intake::new(limits, Arc::default());
    let mut flows = Vec::new();
    let source = |last| SocketAddr::from(([192, 0, 2, last], 4739));
    for spoofed in 1..20 {
        intake.datagram(source(spoofed), 0, &names_and_sampler(200), &mut flows);
    }
    intake.datagram(source(99), 0, &names_and_sampler(3), &mut flows);
    let known = |intake: &Intake| {
        let exporter = intake.exporters().into_iter().find(|one| one.address == source(99).ip()).unwrap();
        (exporter.samplers.len(), exporter.interface_names, exporter.options_not_kept)
    };
    assert_eq!(known(&intake), (1, 0, 3));
    intake.expire(1);
    intake.datagram(source(99), 2, &names_and_sampler(3), &mut flows);
    assert_eq!(known(&intake), (1, 3, 3));
    let kept: usize = intake.exporters().iter().map(|one| one.interfaces.len()).sum();
    assert!(kept > 100, "others keep theirs as far as there is room, not only {kept}");
}
