//! Random flows, and what they add up to when each is looked at.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{DAY_MS, MONDAY_MS};
use crate::model::filter::{End, Field, PlaceLookup};
use crate::model::flow_record::{ExporterId, FlowRecord, LocatedFlow, Location};
use crate::model::history::{Dimension, StoredEnd, StoredFlow};
use crate::model::place::CountryCode;
use crate::model::time_range::TimeRange;
use crate::model::traffic::{Direction, Traffic};
use crate::server::history::address_set::AddressSet;
use crate::server::history::groups::{Group, Groups, Value};
use crate::server::history::request::Request;

/// Country and city of each place. The first two are home.
const PLACES: [(&str, &str); 8] = [
    ("", ""),
    ("ZA", "campus"),
    ("DE", "Berlin"),
    ("DE", "Köln"),
    ("FR", "Lyon"),
    ("US", ""),
    ("", "Atlantis"),
    ("US", "Lyon"),
];

pub(super) struct Places;

impl PlaceLookup for Places {
    fn country(&self, place: u32) -> Option<CountryCode> {
        CountryCode::parse(PLACES[place as usize].0)
    }

    fn city(&self, place: u32) -> &str {
        PLACES[place as usize].1
    }

    fn exporter_address(&self, exporter: ExporterId) -> Option<IpAddr> {
        Some(Ipv4Addr::new(192, 0, 2, u8::try_from(exporter.0).unwrap()).into())
    }
}

fn address(random: &mut fastrand::Rng) -> IpAddr {
    match random.u8(..4) {
        0 => Ipv6Addr::from_bits(u128::from(random.u16(..))).into(),
        _ => Ipv4Addr::from_bits(random.u32(..1_200)).into(),
    }
}

/// A flow that was received at a moment.
pub(super) fn flow(random: &mut fastrand::Rng, received_ms: i64) -> LocatedFlow {
    let record = FlowRecord {
        source_address: address(random),
        destination_address: address(random),
        source_port: random.u16(..4) * 111,
        destination_port: random.u16(..5) * 100,
        protocol: [1, 6, 17][random.usize(..3)],
        bytes: random.u64(..10_000),
        packets: random.u64(..9),
        sampling_interval: [0, 1, 1, 100][random.usize(..4)],
        input_interface: random.u32(..3),
        output_interface: random.u32(..3),
        exporter: ExporterId(random.u32(1..4)),
        received_ms,
        ..FlowRecord::default()
    };
    let mut end = || Location { place: random.u32(..8), as_number: random.u32(..4) * 1_000 };
    let (source, destination) = (end(), end());
    LocatedFlow { record, source, destination, direction: Direction::ALL[random.usize(..4)] }
}

/// Flows of three days, one of twenty late.
pub(super) fn flows(random: &mut fastrand::Rng, count: usize) -> Vec<LocatedFlow> {
    (0..count)
        .map(|index| {
            let in_order = MONDAY_MS + 3 * DAY_MS * index as i64 / count as i64;
            let late = if random.u8(..20) == 0 { random.i64(0..3 * DAY_MS) } else { random.i64(0..5_000) };
            flow(random, in_order - late)
        })
        .collect()
}

/// The flow as the archive gives it back.
pub(super) fn stored(flow: &LocatedFlow) -> StoredFlow {
    let record = &flow.record;
    let end = |address, port, interface, location: Location| StoredEnd {
        address,
        port,
        mask: 0,
        interface,
        as_number: location.as_number,
        country: Places.country(location.place),
        region: String::new(),
        city: Places.city(location.place).to_owned(),
        latitude: None,
        longitude: None,
    };
    StoredFlow {
        received_ms: record.received_ms,
        start_ms: record.start_ms,
        end_ms: record.end_ms,
        time_source: record.time_source,
        exporter: Places.exporter_address(record.exporter).unwrap(),
        observation_domain: 0,
        source: end(record.source_address, record.source_port, record.input_interface, flow.source),
        destination: end(
            record.destination_address,
            record.destination_port,
            record.output_interface,
            flow.destination,
        ),
        direction: flow.direction,
        protocol: record.protocol,
        type_of_service: 0,
        tcp_flags: 0,
        icmp_type_code: 0,
        vlan: 0,
        bytes: record.bytes,
        packets: record.packets,
        sampling_interval: record.sampling_interval,
        sampling_source: record.sampling_source,
        is_reverse: false,
        flow_direction: None,
        flow_end_reason: 0,
    }
}

/// What a request has to answer for some ranges.
pub(super) fn truth(flows: &[LocatedFlow], request: &Request, ranges: &[TimeRange]) -> Groups {
    let mut groups: HashMap<(Vec<Value>, i64), (Traffic, AddressSet)> = HashMap::new();
    let mut totals: HashMap<i64, (Traffic, AddressSet)> = HashMap::new();
    for flow in flows {
        let received = flow.record.received_ms;
        if !ranges.iter().any(|range| range.contains(received)) || !request.filter.matches(flow, &Places) {
            continue;
        }
        let step = request.step_ms.map_or(request.range.from_ms, |step| received.div_euclid(step) * step);
        let traffic = Traffic::of(&flow.record);
        let addresses = [flow.record.source_address, flow.record.destination_address];
        let outside = End::Outside.of(flow.direction, 0, 1).into_iter().flatten();
        let total = totals.entry(step).or_default();
        total.0 += traffic;
        outside.for_each(|end: usize| total.1.insert(addresses[end]));
        // An end that both of the flow's outside ends, or both of its home ends, stand for.
        let is_by = |end| request.dimensions.iter().any(|dimension| end_of(*dimension) == Some(end));
        let mut seen: Vec<Vec<Value>> = Vec::new();
        for end in [0, 1] {
            let is_outside = End::Outside.of(flow.direction, 0, 1).contains(&Some(end));
            let is_home = End::Home.of(flow.direction, 0, 1).contains(&Some(end));
            let mut values = Vec::new();
            for dimension in &request.dimensions {
                let at = match end_of(*dimension) {
                    Some(End::Outside) if is_outside => end,
                    Some(End::Outside) if is_home && flow.direction != Direction::Internal => 1 - end,
                    Some(End::Home) if is_home => end,
                    Some(End::Home) if is_outside && flow.direction != Direction::Transit => 1 - end,
                    Some(End::Outside | End::Home) => break,
                    Some(End::Source) => 0,
                    Some(End::Destination) => 1,
                    _ => 2,
                };
                values.push(value(*dimension, flow, at));
            }
            if values.len() < request.dimensions.len() {
                continue;
            }
            let group = groups.entry((values.clone(), step)).or_default();
            for (index, address) in addresses.into_iter().enumerate() {
                let is_its = End::Outside.of(flow.direction, 0, 1).contains(&Some(index));
                if is_its && (!is_by(End::Outside) || flow.direction != Direction::Transit || index == end) {
                    group.1.insert(address);
                }
            }
            if !seen.contains(&values) {
                group.0 += traffic;
                seen.push(values);
            }
        }
    }
    let group = |(values, step_ms): (Vec<Value>, i64), (traffic, addresses): (Traffic, AddressSet)| Group {
        values,
        step_ms,
        traffic,
        addresses: request.addresses.then_some(addresses),
    };
    let count = groups.len() as u64;
    Groups {
        groups: groups.into_iter().map(|(key, sum)| group(key, sum)).collect(),
        count,
        totals: totals.into_iter().map(|(step, sum)| group((Vec::new(), step), sum)).collect(),
        is_partial: false,
    }
}

fn end_of(dimension: Dimension) -> Option<End> {
    match dimension {
        Dimension::Field(field) => field.end(),
        Dimension::Network(end) => Some(end),
    }
}

fn value(dimension: Dimension, flow: &LocatedFlow, end: usize) -> Value {
    let record = &flow.record;
    let location = [flow.source, flow.destination, Location::default()][end];
    let country = Places.country(location.place);
    let Dimension::Field(field) = dimension else { panic!("no network") };
    match field {
        Field::Country(_) => Value::Country(country),
        Field::City(_) => Value::City(Places.city(location.place).to_owned(), country),
        Field::AsNumber(_) => Value::Number(location.as_number.into()),
        Field::Service => Value::Service {
            port: record.source_port.min(record.destination_port),
            protocol: record.protocol,
        },
        Field::Protocol => Value::Number(record.protocol.into()),
        Field::Direction => Value::Direction(flow.direction),
        Field::Exporter => Value::Address(Places.exporter_address(record.exporter).unwrap()),
        Field::Interface(End::Destination) => Value::Number(record.output_interface.into()),
        Field::Interface(_) => Value::Number(record.input_interface.into()),
        _ => panic!("not kept"),
    }
}

/// Both in one order.
pub(super) fn sorted(mut groups: Groups) -> Groups {
    groups.groups.sort_by(|one, other| (&one.values, one.step_ms).cmp(&(&other.values, other.step_ms)));
    groups.totals.sort_by_key(|total| total.step_ms);
    groups
}
