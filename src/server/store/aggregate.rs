//! Rows of sums, grouped as a request asks.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use foldhash::fast::RandomState;

use super::block::DamagedBlock;
use super::key::{EndKey, Family, Fields, Key, country_of, direction_of};
use super::known::Known;
use super::names::Names;
use crate::model::filter::{End, Expression, Field, Filter};
use crate::model::history::{Dimension, Metric};
use crate::model::traffic::{Direction, Traffic};
use crate::server::history::address_set::AddressSet;
use crate::server::history::groups::{Group, Groups, Value};
use crate::server::history::request::{Most, Request};

/// The most dimensions of a request.
const DIMENSIONS: usize = 4;

/// Values of the dimensions as numbers, and where the step begins.
type At = ([u64; DIMENSIONS], i64);

#[derive(Debug, Default)]
struct Sum {
    traffic: Traffic,
    addresses: Option<AddressSet>,
}

/// What was found so far.
#[derive(Debug)]
pub(super) struct Aggregate<'a> {
    request: &'a Request,
    pub(super) family: Family,
    groups: HashMap<At, Sum, RandomState>,
    totals: HashMap<i64, Traffic, RandomState>,
    is_partial: bool,
    /// True when it turned out that the sums cannot tell.
    is_impossible: bool,
}

/// The ends of a flow that a group is seen from: 0 is the source, 1 the destination.
#[derive(Clone, Copy)]
struct View {
    outside: Option<usize>,
    home: Option<usize>,
}

fn views(direction: Direction) -> [Option<View>; 2] {
    let view = |outside, home| Some(View { outside, home });
    match direction {
        Direction::Inbound => [view(Some(0), Some(1)), None],
        Direction::Outbound => [view(Some(1), Some(0)), None],
        Direction::Internal => [view(None, Some(0)), view(None, Some(1))],
        Direction::Transit => [view(Some(0), None), view(Some(1), None)],
    }
}

impl<'a> Aggregate<'a> {
    /// Nothing yet; `None` when no sums can answer the request.
    pub(super) fn new(request: &'a Request) -> Option<Self> {
        let family = Family::with(Fields::of(&request.filter, &request.dimensions)?)?;
        let has_addresses = || {
            request.dimensions.iter().all(|dimension| {
                matches!(dimension, Dimension::Field(Field::Direction | Field::Country(End::Outside)))
            }) && knows_addresses(&request.filter)
        };
        if request.dimensions.len() > DIMENSIONS || request.addresses && !has_addresses() {
            return None;
        }
        let (groups, totals) = (HashMap::default(), HashMap::default());
        Some(Self { request, family, groups, totals, is_partial: false, is_impossible: false })
    }

    fn step(&self, minute: i64) -> i64 {
        let ms = minute.saturating_mul(60_000);
        self.request.step_ms.map_or(self.request.range.from_ms, |step| {
            let step = step.max(1);
            ms.div_euclid(step).saturating_mul(step)
        })
    }

    pub(super) const fn asks_for_addresses(&self) -> bool {
        self.request.addresses
    }

    /// Adds rows of a bucket that begins with a minute.
    pub(super) fn add_sums<'r>(
        &mut self,
        minute: i64,
        rows: impl Iterator<Item = (&'r Key, &'r Traffic)>,
        names: &Names,
    ) {
        let (step, fields) = (self.step(minute), self.family.fields());
        let mut total = Traffic::NONE;
        for (key, traffic) in rows {
            let passes = self
                .request
                .filter
                .expression()
                .map_or(Some(true), |expression| Known::of_key(key, fields, names).passes(expression));
            match passes {
                Some(true) => {}
                Some(false) => continue,
                None => {
                    self.is_partial = true;
                    continue;
                }
            }
            total += *traffic;
            self.add_row(key, *traffic, step);
        }
        if !total.is_none() {
            *self.totals.entry(step).or_default() += total;
        }
    }

    fn add_row(&mut self, key: &Key, traffic: Traffic, step: i64) {
        let mut first = None;
        for view in views(key.direction()).into_iter().flatten() {
            let Some(parts) = self.parts(key, view) else { continue };
            if first != Some(parts) {
                self.groups.entry((parts, step)).or_default().traffic += traffic;
            }
            first = Some(parts);
        }
    }

    fn parts(&mut self, key: &Key, view: View) -> Option<[u64; DIMENSIONS]> {
        let mut parts = [0; DIMENSIONS];
        for (part, dimension) in parts.iter_mut().zip(&self.request.dimensions) {
            let Dimension::Field(field) = *dimension else { return None };
            let is_known = match field {
                Field::Direction => true,
                Field::Exporter => key.exporter != 0,
                _ => !key.is_rest,
            };
            if !is_known {
                self.is_partial = true;
                return None;
            }
            *part = part_of(field, key, view)?;
        }
        Some(parts)
    }

    /// Adds the outside addresses of a direction and a country, which `merge` merges into a set.
    pub(super) fn add_addresses(
        &mut self,
        minute: i64,
        (direction, country): (u8, u16),
        merge: impl FnOnce(&mut AddressSet) -> Result<(), DamagedBlock>,
    ) {
        let step = self.step(minute);
        let way = direction_of(direction);
        let passes = self.request.filter.expression().map_or(Some(true), |expression| {
            Known::of_addresses(way, country_of(country)).passes(expression)
        });
        match passes {
            Some(true) => {}
            Some(false) => return,
            None => {
                self.is_impossible = true;
                return;
            }
        }
        let mut parts = [0; DIMENSIONS];
        for (part, dimension) in parts.iter_mut().zip(&self.request.dimensions) {
            *part = match dimension {
                Dimension::Field(Field::Direction) => direction.into(),
                _ => country.into(),
            };
        }
        let sum = self.groups.entry((parts, step)).or_default();
        self.is_partial |= merge(sum.addresses.get_or_insert_default()).is_err();
    }

    /// Something is not there any more, or could not be read.
    pub(super) fn add_gap(&mut self) {
        self.is_partial = true;
    }

    /// Adds all that another has found for the same request.
    pub(super) fn merge(&mut self, other: Self) {
        for (at, sum) in other.groups {
            let mine = self.groups.entry(at).or_default();
            mine.traffic += sum.traffic;
            if let Some(addresses) = &sum.addresses {
                mine.addresses.get_or_insert_default().merge(addresses);
            }
        }
        for (step, traffic) in other.totals {
            *self.totals.entry(step).or_default() += traffic;
        }
        self.is_partial |= other.is_partial;
        self.is_impossible |= other.is_impossible;
    }

    /// The answer; `None` when it turned out that the sums cannot tell.
    pub(super) fn finish(self, names: &Names) -> Option<Groups> {
        if self.is_impossible {
            return None;
        }
        let has_addresses = self.request.addresses;
        let mut of_steps: HashMap<i64, AddressSet, RandomState> = HashMap::default();
        if has_addresses {
            for ((_, step), sum) in &self.groups {
                if let Some(addresses) = &sum.addresses {
                    of_steps.entry(*step).or_default().merge(addresses);
                }
            }
        }
        let totals = self.totals.into_iter().map(|(step_ms, traffic)| Group {
            values: Vec::new(),
            step_ms,
            traffic,
            addresses: has_addresses.then(|| of_steps.remove(&step_ms).unwrap_or_default()),
        });
        let totals = totals.collect();
        let dimensions = &self.request.dimensions;
        let groups = self.groups.into_iter().map(|((parts, step_ms), sum)| Group {
            values: dimensions
                .iter()
                .zip(parts)
                .map(|(dimension, part)| value_of(*dimension, part, names))
                .collect(),
            step_ms,
            traffic: sum.traffic,
            addresses: has_addresses.then(|| sum.addresses.unwrap_or_default()),
        });
        let mut groups: Vec<Group> = groups.collect();
        let count = groups.len() as u64;
        if let Some(most) = self.request.most {
            keep_most(&mut groups, most);
        }
        Some(Groups { groups, count, totals, is_partial: self.is_partial })
    }
}

/// True when the sets of addresses, by direction and country, may be able to tell what passes.
fn knows_addresses(filter: &Filter) -> bool {
    fn knows(expression: &Expression) -> bool {
        match expression {
            Expression::All(parts) | Expression::Any(parts) => parts.iter().all(knows),
            Expression::Not(inner) => knows(inner),
            Expression::Term(term) => matches!(term.field, Field::Direction | Field::Country(_)),
        }
    }
    filter.expression().is_none_or(knows)
}

/// The value of a field as a number; `None` when the flow has no such end.
fn part_of(field: Field, key: &Key, view: View) -> Option<u64> {
    let ends = [&key.source, &key.destination];
    let end = |end: End| -> Option<&EndKey> {
        ends.get(match end {
            End::Source => 0,
            End::Destination => 1,
            End::Outside => view.outside?,
            End::Home => view.home?,
            End::Either => return None,
        })
        .copied()
    };
    match field {
        Field::Country(of) => Some(end(of)?.country.into()),
        Field::AsNumber(of) => Some(end(of)?.as_number.into()),
        Field::City(of) => end(of).map(|end| u64::from(end.city) << 16 | u64::from(end.country)),
        Field::Interface(End::Destination) => Some(key.output.into()),
        Field::Interface(_) => Some(key.input.into()),
        Field::Service => Some(u64::from(key.port) << 8 | u64::from(key.protocol)),
        Field::Protocol => Some(key.protocol.into()),
        Field::Direction => Some(key.direction.into()),
        Field::Exporter => Some(key.exporter.into()),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "each part is made of numbers of these widths")]
fn value_of(dimension: Dimension, part: u64, names: &Names) -> Value {
    match dimension {
        Dimension::Field(Field::Country(_)) => Value::Country(country_of(part as u16)),
        Dimension::Field(Field::City(_)) => {
            Value::City(names.city_of((part >> 16) as u32).to_owned(), country_of(part as u16))
        }
        Dimension::Field(Field::Service) => Value::Service { port: (part >> 8) as u16, protocol: part as u8 },
        Dimension::Field(Field::Direction) => Value::Direction(direction_of(part as u8)),
        Dimension::Field(Field::Exporter) => {
            Value::Address(names.exporter_of(part as u32).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
        }
        _ => Value::Number(part),
    }
}

fn keep_most(groups: &mut Vec<Group>, most: Most) {
    let figure = |group: &Group| match most.metric {
        Metric::Flows => group.traffic.flows,
        Metric::Bytes => group.traffic.scaled_bytes,
        Metric::Packets => group.traffic.scaled_packets,
        Metric::Addresses => group.addresses.as_ref().map_or(0, |addresses| addresses.count().count),
    };
    let mut ranked: Vec<(u64, Group)> = groups.drain(..).map(|group| (figure(&group), group)).collect();
    ranked.sort_unstable_by(|(one, first), (other, second)| {
        other.cmp(one).then_with(|| first.values.cmp(&second.values))
    });
    groups.extend(ranked.into_iter().take(most.groups).map(|(_, group)| group));
}
