//! Traffic over time.

use std::collections::HashMap;
use std::time::Instant;

use super::address_set::AddressSet;
use super::answers::{History, at_most, count_of, ranked, usable, usable_dimensions};
use super::error::QuestionError;
use super::groups::{Group, Value};
use super::naming::Naming;
use super::request::{Most, Request};
use super::steps::{Steps, round_step_ms};
use crate::model::filter::Filter;
use crate::model::history::{
    AddressesOverTime, Dimension, Distinct, Key, Line, Metric, Series, SeriesQuestion,
};
use crate::model::traffic::Traffic;

impl History {
    /// Traffic over time, in all or by groups.
    ///
    /// The lines are the groups with most of the whole range, or of the flows that are to choose them; the rest is every
    /// flow that is in none of them.
    pub async fn series(
        &self,
        question: &SeriesQuestion,
        id: u64,
        naming: &Naming,
    ) -> Result<Series, QuestionError> {
        let find = self.find_series(question, id, naming);
        // Lines that other flows choose may change with those.
        let has_own_lines = question.lines_of.as_ref().is_none_or(|of| of.range == question.range);
        if naming.is_passing(&question.dimensions) || !has_own_lines {
            return find.await;
        }
        self.remembered("series", question, question.range, find).await
    }

    async fn find_series(
        &self,
        question: &SeriesQuestion,
        id: u64,
        naming: &Naming,
    ) -> Result<Series, QuestionError> {
        let began = Instant::now();
        let range = usable(question.range)?;
        at_most("lines", question.lines, 1, SeriesQuestion::MOST_LINES)?;
        at_most("points", question.points, 1, SeriesQuestion::MOST_POINTS)?;
        usable_dimensions(&question.dimensions, 0)?;
        let addresses = question.metric == Metric::Addresses;
        if addresses && question.lines * question.points > SeriesQuestion::MOST_ADDRESS_COUNTS {
            return Err(QuestionError::Invalid(format!(
                "{} lines of {} points are too many to count addresses in: `lines` × `points` can be {} at most.",
                question.lines,
                question.points,
                SeriesQuestion::MOST_ADDRESS_COUNTS
            )));
        }
        let filter: Filter = question.filter.parse()?;
        let (lines_range, lines_filter) = match &question.lines_of {
            Some(of) => (usable(of.range)?, of.filter.parse()?),
            None => (range, filter.clone()),
        };
        let turn = self.questions().begin(id).await?;
        let steps = Steps::of(range, round_step_ms(range, question.points));
        let stepped = |filter: Filter, dimensions: &[Dimension]| Request {
            range,
            filter,
            dimensions: dimensions.to_vec(),
            step_ms: Some(steps.step_ms),
            addresses,
            most: None,
        };
        let all = self.tiers()?.group(&stepped(filter.clone(), &[]), &turn.control).await?;
        let mut made_of = all.made_of;
        let mut total = Points::new(&steps);
        for group in &all.groups.totals {
            total.add(&steps, group);
        }
        let mut lines = Vec::new();
        if question.dimensions.is_empty() {
            lines.push(total.clone().line(Vec::new(), addresses));
        } else {
            let most = Most { metric: question.metric, groups: count_of(question.lines) };
            let chosen = Request {
                range: lines_range,
                step_ms: None,
                most: Some(most),
                ..stepped(lines_filter, &question.dimensions)
            };
            let chosen = self.tiers()?.group(&chosen, &turn.control).await?;
            if lines_range == range {
                made_of.join(chosen.made_of);
            }
            let chosen = ranked(chosen.groups.groups, most);
            let mut in_lines = Points::new(&steps);
            if !chosen.is_empty() {
                let keys: Vec<Vec<Key>> =
                    chosen.iter().map(|group| naming.keys(&question.dimensions, &group.values)).collect();
                let filter = filter.and(only(&question.dimensions, &keys));
                let found =
                    self.tiers()?.group(&stepped(filter, &question.dimensions), &turn.control).await?;
                made_of.join(found.made_of);
                let points = points_of(&steps, &chosen, &found.groups.groups);
                lines.extend(points.into_iter().zip(keys).map(|(points, keys)| points.line(keys, addresses)));
                for group in &found.groups.totals {
                    in_lines.add(&steps, group);
                }
            }
            lines.extend(rest(&total.traffic, &in_lines.traffic));
        }
        Ok(Series {
            start_ms: steps.start_ms,
            step_ms: steps.step_ms,
            lines,
            addresses: addresses.then(|| total.addresses()),
            total: total.traffic,
            source: self.tiers()?.source_of_steps(range, made_of, steps.step_ms, began),
        })
    }
}

/// Lets pass what is in at least one group.
pub(in crate::server) fn only(dimensions: &[Dimension], groups: &[Vec<Key>]) -> Filter {
    Filter::any_of(groups.iter().map(|keys| {
        let terms = dimensions.iter().zip(keys);
        terms.fold(Filter::ALL, |filter, (dimension, key)| {
            // A value without a term would only let more pass, which is left out by its group.
            let term = dimension.term(&key.value).and_then(|term| term.parse().ok());
            filter.and(term.unwrap_or_default())
        })
    }))
}

/// What a line has in each step. The sets of the steps are not kept: there may be many.
#[derive(Clone)]
struct Points {
    traffic: Vec<Traffic>,
    counts: Vec<Distinct>,
    whole: AddressSet,
}

impl Points {
    fn new(steps: &Steps) -> Self {
        Self {
            traffic: vec![Traffic::NONE; steps.count],
            counts: vec![Distinct::default(); steps.count],
            whole: AddressSet::default(),
        }
    }

    /// Adds what a group has in its step, each of which comes once.
    fn add(&mut self, steps: &Steps, group: &Group) {
        let Some(position) = steps.position(group.step_ms) else { return };
        if let Some(point) = self.traffic.get_mut(position) {
            *point += group.traffic;
        }
        if let (Some(count), Some(addresses)) = (self.counts.get_mut(position), &group.addresses) {
            *count = addresses.count();
            self.whole.merge(addresses);
        }
    }

    fn addresses(&self) -> AddressesOverTime {
        AddressesOverTime { steps: self.counts.clone(), whole: self.whole.count() }
    }

    fn line(self, keys: Vec<Key>, has_addresses: bool) -> Line {
        Line { keys, addresses: has_addresses.then(|| self.addresses()), points: self.traffic }
    }
}

fn points_of(steps: &Steps, chosen: &[Group], found: &[Group]) -> Vec<Points> {
    let positions: HashMap<&[Value], usize> =
        chosen.iter().enumerate().map(|(position, group)| (group.values.as_slice(), position)).collect();
    let mut points = vec![Points::new(steps); chosen.len()];
    for group in found {
        let line = positions.get(group.values.as_slice()).and_then(|position| points.get_mut(*position));
        if let Some(line) = line {
            line.add(steps, group);
        }
    }
    points
}

fn rest(total: &[Traffic], in_lines: &[Traffic]) -> Option<Line> {
    let points: Vec<Traffic> = total.iter().zip(in_lines).map(|(total, lines)| *total - *lines).collect();
    let is_any = points.iter().any(|point| !point.is_none());
    is_any.then_some(Line { keys: Vec::new(), points, addresses: None })
}
