//! Exact answers by looking at every flow that passed last: what the tiers have to agree with.
//!
//! Nothing here is clever: one loop over flows in memory. Bounded: the oldest batches make room.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::address_set::AddressSet;
use super::control::Control;
use super::error::QuestionError;
use super::groups::{Group, Groups, Value};
use super::request::{Most, Request};
use crate::model::filter::{End, Field, PlaceLookup};
use crate::model::flow_record::{ExporterId, LocatedFlow, Location};
use crate::model::history::{Dimension, Metric};
use crate::model::network::Network;
use crate::model::place::CountryCode;
use crate::model::traffic::{Direction, Traffic};
use crate::server::collector::batch::FlowBatch;

/// Flow records that are kept at most.
const MOST_FLOWS: usize = 2_000_000;

/// The flows that passed last.
#[derive(Debug, Default)]
pub struct Oracle {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: VecDeque<(u64, Arc<FlowBatch>)>,
    flows: usize,
    next: u64,
}

impl Oracle {
    /// Keeps the flows of a batch.
    pub fn keep(&self, batch: Arc<FlowBatch>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let flows = batch.flows.len();
        let first = kept.next;
        kept.next += flows as u64;
        kept.flows += flows;
        kept.batches.push_back((first, batch));
        while kept.flows > MOST_FLOWS
            && let Some((_, oldest)) = kept.batches.pop_front()
        {
            kept.flows -= oldest.flows.len();
        }
    }

    fn batches(&self) -> Vec<(u64, Arc<FlowBatch>)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.batches.iter().cloned().collect()
    }

    /// Answers a request.
    pub fn group(&self, request: &Request, control: &Control) -> Result<Groups, QuestionError> {
        let batches = self.batches();
        control.expect(batches.len() as u64);
        let mut found = Found::default();
        for (_, batch) in &batches {
            control.advance(1);
            if control.cancel.is_cancelled() {
                return Err(QuestionError::Cancelled);
            }
            let ground = Ground(batch);
            for flow in &batch.flows {
                if request.range.contains(flow.record.received_ms) && request.filter.matches(flow, &ground) {
                    found.count(flow, request, ground);
                }
            }
        }
        Ok(found.groups(request))
    }
}

/// What a flow's numbers mean.
#[derive(Clone, Copy)]
struct Ground<'a>(&'a FlowBatch);

impl PlaceLookup for Ground<'_> {
    fn country(&self, place: u32) -> Option<CountryCode> {
        self.0.geolocation.country_of(place)
    }

    fn city(&self, place: u32) -> &str {
        self.0.geolocation.city_of(place)
    }

    fn exporter_address(&self, exporter: ExporterId) -> Option<IpAddr> {
        self.0.exporters.get(usize::try_from(exporter.0).ok()?).copied()
    }
}

type Sum = (Traffic, AddressSet);

#[derive(Default)]
struct Found {
    groups: HashMap<(Vec<Value>, i64), Sum>,
    totals: HashMap<i64, Sum>,
}

/// One way to look at a flow: from one of its outside ends, and from one of its home ends.
#[derive(Clone, Copy)]
struct View {
    outside: Option<End>,
    home: Option<End>,
}

fn views(direction: Direction) -> [Option<View>; 2] {
    let (source, destination) = (Some(End::Source), Some(End::Destination));
    match direction {
        Direction::Inbound => [Some(View { outside: source, home: destination }), None],
        Direction::Outbound => [Some(View { outside: destination, home: source }), None],
        Direction::Internal => [source, destination].map(|home| Some(View { outside: None, home })),
        Direction::Transit => [source, destination].map(|outside| Some(View { outside, home: None })),
    }
}

impl Found {
    fn count(&mut self, flow: &LocatedFlow, request: &Request, ground: Ground<'_>) {
        let step_ms = request
            .step_ms
            .map_or(request.range.from_ms, |step_ms| flow.record.received_ms.div_euclid(step_ms) * step_ms);
        let traffic = Traffic::of(&flow.record);
        let add = |sum: &mut Sum, is_new: bool, outside: &[IpAddr]| {
            if is_new {
                sum.0 += traffic;
            }
            for address in outside {
                sum.1.insert(*address);
            }
        };
        let ends = (flow.record.source_address, flow.record.destination_address);
        let outside: Vec<IpAddr> =
            End::Outside.of(flow.direction, ends.0, ends.1).into_iter().flatten().collect();
        add(self.totals.entry(step_ms).or_default(), true, &outside);
        let is_of_the_outside =
            request.dimensions.iter().any(|dimension| end(*dimension) == Some(End::Outside));
        let mut seen = HashSet::new();
        for view in views(flow.direction).into_iter().flatten() {
            let values = request.dimensions.iter().map(|dimension| value(*dimension, flow, view, ground));
            let Some(values) = values.collect::<Option<Vec<_>>>() else { continue };
            let of_the_view = match view.outside {
                Some(End::Source) => ends.0,
                _ => ends.1,
            };
            let own = if is_of_the_outside { std::slice::from_ref(&of_the_view) } else { outside.as_slice() };
            let is_new = seen.insert(values.clone());
            add(self.groups.entry((values, step_ms)).or_default(), is_new, own);
        }
    }

    fn groups(self, request: &Request) -> Groups {
        let group = |values, step_ms, (traffic, addresses): Sum| Group {
            values,
            step_ms,
            traffic,
            addresses: request.addresses.then_some(addresses),
        };
        let mut groups: Vec<Group> =
            self.groups.into_iter().map(|((values, step_ms), sum)| group(values, step_ms, sum)).collect();
        let count = groups.len() as u64;
        if let Some(most) = request.most {
            keep_most(&mut groups, most);
        }
        let totals = self.totals.into_iter().map(|(step_ms, sum)| group(Vec::new(), step_ms, sum)).collect();
        Groups { groups, count, totals, is_partial: false }
    }
}

fn keep_most(groups: &mut Vec<Group>, most: Most) {
    let figure = |group: &Group| match most.metric {
        Metric::Flows => group.traffic.flows,
        Metric::Bytes => group.traffic.scaled_bytes,
        Metric::Packets => group.traffic.scaled_packets,
        Metric::Addresses => group.addresses.as_ref().map_or(0, |addresses| addresses.count().count),
    };
    groups.sort_by(|one, other| figure(other).cmp(&figure(one)).then_with(|| one.values.cmp(&other.values)));
    groups.truncate(most.groups);
}

fn end(dimension: Dimension) -> Option<End> {
    match dimension {
        Dimension::Field(field) => field.end(),
        Dimension::Network(end) => Some(end),
    }
}

/// The value of a flow; `None` when it has no such end.
fn value(dimension: Dimension, flow: &LocatedFlow, view: View, ground: Ground<'_>) -> Option<Value> {
    let record = &flow.record;
    let at = |end: End| match end {
        End::Outside => view.outside,
        End::Home => view.home,
        End::Source | End::Destination => Some(end),
        End::Either => None,
    };
    let pick = |end: End| at(end).map(|end| end == End::Source);
    let location = |end: End| Some(if pick(end)? { flow.source } else { flow.destination });
    let address = |end: End| {
        let is_source = pick(end)?;
        Some(if is_source { record.source_address } else { record.destination_address })
    };
    let number = |number: u64| Some(Value::Number(number));
    let country = |location: Location| ground.country(location.place);
    match dimension {
        Dimension::Network(end) => {
            let address = address(end)?;
            Some(Value::Network(Network::containing(address, if address.is_ipv4() { 24 } else { 48 })))
        }
        Dimension::Field(field) => match field {
            Field::Address(end) => address(end).map(Value::Address),
            Field::Port(end) => {
                let is_source = pick(end)?;
                number(if is_source { record.source_port } else { record.destination_port }.into())
            }
            Field::Country(end) => location(end).map(|location| Value::Country(country(location))),
            Field::AsNumber(end) => number(location(end)?.as_number.into()),
            Field::City(end) => {
                let location = location(end)?;
                Some(Value::City(ground.city(location.place).to_owned(), country(location)))
            }
            Field::Interface(End::Destination) => number(record.output_interface.into()),
            Field::Interface(_) => number(record.input_interface.into()),
            Field::Protocol => number(record.protocol.into()),
            Field::Direction => Some(Value::Direction(flow.direction)),
            Field::Exporter => ground.exporter_address(record.exporter).map(Value::Address),
            Field::Service => Some(Value::Service {
                port: record.source_port.min(record.destination_port),
                protocol: record.protocol,
            }),
            Field::TcpFlags => number(record.tcp_flags.into()),
            Field::TypeOfService => number(record.type_of_service.into()),
            Field::Vlan => number(record.vlan.into()),
            Field::Bytes | Field::Packets => None,
        },
    }
}
