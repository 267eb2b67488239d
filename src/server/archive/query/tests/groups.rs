//! Sums are those of a plain loop over the flows.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;

use super::sample::{self, BEGIN_MS, LENGTH_MS, Places};
use crate::model::filter::{End, Field, Filter, PlaceLookup as _};
use crate::model::flow_record::{ExporterId, LocatedFlow, Location};
use crate::model::history::{Dimension, Distinct, Metric};
use crate::model::network::Network;
use crate::model::time_range::TimeRange;
use crate::model::traffic::{Direction, Traffic};
use crate::server::archive::query::group::Work;
use crate::server::archive::query::scan::{Scanner, Source};
use crate::server::history::address_set::AddressSet;
use crate::server::history::control::Control;
use crate::server::history::groups::{Group, Groups, Value};
use crate::server::history::request::{Most, Request};

/// What a group has: its traffic and its outside addresses.
type Sums = BTreeMap<(Vec<Value>, i64), (Traffic, BTreeSet<IpAddr>)>;

fn value(flow: &LocatedFlow, dimension: Dimension, is_destination: bool) -> Value {
    let record = &flow.record;
    let pick =
        |source: u64, destination: u64| Value::Number(if is_destination { destination } else { source });
    let place: Location = if is_destination { flow.destination } else { flow.source };
    let address = if is_destination { record.destination_address } else { record.source_address };
    match dimension {
        Dimension::Network(_) => {
            Value::Network(Network::containing(address, if address.is_ipv4() { 24 } else { 48 }))
        }
        Dimension::Field(field) => match field {
            Field::Address(_) => Value::Address(address),
            Field::Country(_) => Value::Country(Places.country(place.place)),
            Field::City(_) => Value::City(Places.city(place.place).to_owned(), Places.country(place.place)),
            Field::AsNumber(_) => pick(flow.source.as_number.into(), flow.destination.as_number.into()),
            Field::Port(_) => pick(record.source_port.into(), record.destination_port.into()),
            Field::Interface(_) => pick(record.input_interface.into(), record.output_interface.into()),
            Field::Protocol => Value::Number(record.protocol.into()),
            Field::TcpFlags => Value::Number(record.tcp_flags.into()),
            Field::TypeOfService => Value::Number(record.type_of_service.into()),
            Field::Vlan => Value::Number(record.vlan.into()),
            Field::Direction => Value::Direction(flow.direction),
            Field::Exporter => Value::Address(Places.exporter_address(record.exporter).unwrap()),
            Field::Service => Value::Service {
                port: record.source_port.min(record.destination_port),
                protocol: record.protocol,
            },
            Field::Bytes | Field::Packets => panic!("no dimension"),
        },
    }
}

fn end(dimension: Dimension) -> Option<End> {
    match dimension {
        Dimension::Network(end) | Dimension::Field(Field::Interface(end)) => Some(end),
        Dimension::Field(field) => field.end(),
    }
}

/// The groups of a flow, and of each group its outside addresses.
fn groups(flow: &LocatedFlow, dimensions: &[Dimension]) -> BTreeMap<Vec<Value>, BTreeSet<IpAddr>> {
    let outside = |is_destination: bool| match flow.direction {
        Direction::Transit => true,
        Direction::Inbound => !is_destination,
        Direction::Outbound => is_destination,
        Direction::Internal => false,
    };
    let address = |is_destination: bool| {
        if is_destination { flow.record.destination_address } else { flow.record.source_address }
    };
    let has = |wanted| dimensions.iter().any(|dimension| end(*dimension) == Some(wanted));
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for outside_is_destination in [false, true] {
        let is_right = match (has(End::Outside), has(End::Home)) {
            (true, true) => outside(outside_is_destination) && !outside(!outside_is_destination),
            (true, false) => outside(outside_is_destination),
            (false, true) => !outside(!outside_is_destination),
            (false, false) => true,
        };
        if !is_right {
            continue;
        }
        let values = dimensions.iter().map(|dimension| {
            value(
                flow,
                *dimension,
                match end(*dimension) {
                    Some(End::Destination) => true,
                    Some(End::Outside) => outside_is_destination,
                    Some(End::Home) => !outside_is_destination,
                    _ => false,
                },
            )
        });
        let addresses = found.entry(values.collect()).or_default();
        if has(End::Outside) {
            addresses.insert(address(outside_is_destination));
        } else {
            addresses.extend([false, true].into_iter().filter(|side| outside(*side)).map(address));
        }
    }
    found
}

fn expected(flows: &[LocatedFlow], request: &Request) -> (Sums, Sums) {
    let (mut sums, mut totals) = (Sums::new(), Sums::new());
    for flow in flows {
        let received = flow.record.received_ms;
        if !request.range.contains(received) || !request.filter.matches(flow, &Places) {
            continue;
        }
        let step = request.step_ms.map_or(request.range.from_ms, |step| received.div_euclid(step) * step);
        for (values, addresses) in groups(flow, &request.dimensions) {
            let sum = sums.entry((values, step)).or_default();
            sum.0 += Traffic::of(&flow.record);
            sum.1.extend(addresses);
        }
        let total = totals.entry((Vec::new(), step)).or_default();
        total.0 += Traffic::of(&flow.record);
        total.1.extend(groups(flow, &[]).into_values().flatten());
    }
    (sums, totals)
}

fn compare(answer: &[Group], expected: &Sums, request: &Request) {
    let found: HashSet<_> = answer.iter().map(|group| (group.values.clone(), group.step_ms)).collect();
    assert_eq!(found.len(), answer.len(), "a group stands twice in {request:?}");
    for group in answer {
        let (traffic, addresses) = &expected[&(group.values.clone(), group.step_ms)];
        assert_eq!(group.traffic, *traffic, "{:?} of {request:?}", group.values);
        let count = group.addresses.as_ref().map(AddressSet::count);
        let expected = request.addresses.then(|| Distinct::exact(addresses.len() as u64));
        if expected.is_none_or(|expected| expected.count < 100) {
            assert_eq!(count, expected, "{:?} of {request:?}", group.values);
        }
    }
}

fn request(rng: &mut Rng) -> Request {
    const NAMES: [&str; 10] = [
        "protocol",
        "flags",
        "tos",
        "vlan",
        "direction",
        "exporter",
        "service",
        "in.interface",
        "out.interface",
        "dst.city",
    ];
    const OF_AN_END: [&str; 6] = ["address", "network", "country", "city", "as", "port"];
    let dimension = |rng: &mut Rng| {
        let name = if rng.u8(..3) == 0 {
            NAMES[rng.usize(..NAMES.len())].to_owned()
        } else {
            let end = ["src", "dst", "outside", "outside", "home"][rng.usize(..5)];
            format!("{end}.{}", OF_AN_END[rng.usize(..OF_AN_END.len())])
        };
        Dimension::parse(&name).unwrap()
    };
    let step_ms = (rng.u8(..3) == 0).then(|| [60_000, 7_000, 3_600_000][rng.usize(..3)]);
    let addresses = rng.bool();
    let metric = Metric::ALL[rng.usize(..if addresses { 4 } else { 3 })];
    let most = (step_ms.is_none() && rng.bool()).then(|| Most { metric, groups: rng.usize(1..30) });
    let from_ms = BEGIN_MS + if rng.bool() { -1 } else { rng.i64(0..LENGTH_MS / 2) };
    Request {
        range: TimeRange::new(from_ms, from_ms + LENGTH_MS).unwrap(),
        filter: if rng.bool() { Filter::ALL } else { sample::filter(rng).parse().unwrap() },
        dimensions: (0..rng.usize(..5)).map(|_| dimension(rng)).collect(),
        step_ms,
        addresses,
        most,
    }
}

fn sources(folder: &Path, flows: &[LocatedFlow]) -> Vec<Source> {
    let (first, rest) = flows.split_at(flows.len() / 3);
    let (second, tail) = rest.split_at(rest.len() / 2);
    let file = |name, flows| Source::File(Arc::new(sample::file(folder, name, flows, 0)));
    let tail: Vec<_> = tail.chunks(300).map(sample::batch).collect();
    Source::tail(&tail)
        .unwrap()
        .into_iter()
        .chain([file("a.parquet", first), file("b.parquet", second)])
        .collect()
}

async fn answer(scanner: &Arc<Scanner>, sources: &[Source], request: &Request, memory: usize) -> Groups {
    let control = Control::default();
    let work = Work::new(Arc::clone(scanner), sources.to_vec(), request.clone(), control.clone(), memory);
    let groups = work.answer().await.unwrap();
    let (done, expected) = control.progress();
    assert!(done == expected || memory < 1 << 20, "{done} of {expected} steps are done");
    groups
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_by_any_dimensions_are_those_of_a_plain_loop_over_the_flows() {
    let folder = tempfile::tempdir().unwrap();
    let scanner = Arc::new(Scanner::new(folder.path().to_owned(), 64 << 20).unwrap());
    let mut rng = Rng::with_seed(11);
    let flows: Vec<_> = (0..1_500).map(|_| sample::flow(&mut rng)).collect();
    let sources = sources(folder.path(), &flows);
    let mut empty = 0;
    for _ in 0..400 {
        let request = request(&mut rng);
        let (sums, totals) = expected(&flows, &request);
        empty += usize::from(sums.is_empty());
        let groups = answer(&scanner, &sources, &request, 64 << 20).await;
        assert_eq!(groups.count, sums.len() as u64, "{request:?}");
        assert_eq!(groups.totals.len(), totals.len(), "{request:?}");
        compare(&groups.totals, &totals, &request);
        compare(&groups.groups, &sums, &request);
        let Some(most) = request.most else {
            assert_eq!(groups.groups.len(), sums.len(), "{request:?}");
            continue;
        };
        let amount = |(traffic, addresses): &(Traffic, BTreeSet<IpAddr>)| match most.metric {
            Metric::Flows => traffic.flows,
            Metric::Bytes => traffic.scaled_bytes,
            Metric::Packets => traffic.scaled_packets,
            Metric::Addresses => addresses.len() as u64,
        };
        let mut ranked: Vec<_> = sums.iter().collect();
        // Of equals the smaller values come first.
        ranked.sort_by_key(|(_, sum)| std::cmp::Reverse(amount(sum)));
        let wanted: HashSet<_> =
            ranked.iter().take(most.groups).map(|((values, _), _)| values.clone()).collect();
        let found: HashSet<_> = groups.groups.iter().map(|group| group.values.clone()).collect();
        assert_eq!(found, wanted, "{request:?}");
    }
    assert!(empty < 200, "{empty} answers have no group");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_of_more_groups_than_fit_into_memory_are_found_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let scanner = Arc::new(Scanner::new(folder.path().to_owned(), 64 << 20).unwrap());
    let mut rng = Rng::with_seed(3);
    let flows: Vec<_> = (0..30_000)
        .map(|at: u32| {
            let mut flow = sample::flow(&mut rng);
            flow.record.source_address = IpAddr::from((0x0b00_0000 + at / 2).to_be_bytes());
            flow.record.bytes = rng.u64(..1_000_000);
            flow.record.exporter = ExporterId(0);
            flow
        })
        .collect();
    let sources = sources(folder.path(), &flows);
    let mut request = Request {
        range: TimeRange::new(BEGIN_MS, BEGIN_MS + LENGTH_MS).unwrap(),
        filter: Filter::ALL,
        dimensions: vec![Dimension::parse("src.address").unwrap(), Dimension::parse("dst.country").unwrap()],
        step_ms: None,
        addresses: false,
        most: Some(Most { metric: Metric::Bytes, groups: 50 }),
    };
    let at_once = answer(&scanner, &sources, &request, 64 << 20).await;
    let in_passes = answer(&scanner, &sources, &request, 500_000).await;
    let sorted = |groups: &Groups| {
        let mut groups: Vec<_> =
            groups.groups.iter().map(|group| (group.values.clone(), group.traffic)).collect();
        groups.sort_by(|(one, _), (other, _)| one.cmp(other));
        groups
    };
    assert_eq!(sorted(&at_once), sorted(&in_passes));
    assert_eq!((at_once.count, &at_once.totals), (in_passes.count, &in_passes.totals));

    request.most = None;
    let work = Work::new(Arc::clone(&scanner), sources, request, Control::default(), 500_000);
    let all = work.answer().await.map(|groups| groups.count);
    assert!(all.is_err(), "all groups at once do not fit: {all:?}");
}
