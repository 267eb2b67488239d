//! Traffic over time.

use std::collections::HashMap;
use std::time::Instant;

use super::answers::{History, at_most, count_of, ranked, source, usable, usable_dimensions};
use super::error::QuestionError;
use super::groups::{Group, Value};
use super::naming::Naming;
use super::request::{Most, Request};
use super::steps::{Steps, round_step_ms};
use crate::model::filter::Filter;
use crate::model::history::{Dimension, Key, Line, Metric, Series, SeriesQuestion};
use crate::model::traffic::Traffic;

impl History {
    /// Traffic over time, in all or by groups.
    ///
    /// The lines are the groups with most of the whole range; the rest is every flow that is in none of them.
    pub async fn series(
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
        if question.metric == Metric::Addresses {
            return Err(QuestionError::Invalid(
                "Lines cannot be chosen by addresses: write bytes, packets or flows.".to_owned(),
            ));
        }
        let filter: Filter = question.filter.parse()?;
        let turn = self.questions().begin(id).await?;
        let steps = Steps::of(range, round_step_ms(range, question.points));
        let stepped = |filter: Filter, dimensions: &[Dimension]| Request {
            range,
            filter,
            dimensions: dimensions.to_vec(),
            step_ms: Some(steps.step_ms),
            addresses: false,
            most: None,
        };
        let all = self.tiers()?.group(&stepped(filter.clone(), &[]), &turn.control).await?;
        let mut made_of = all.made_of;
        let total = points(&steps, &all.groups.totals);
        let mut lines = Vec::new();
        if question.dimensions.is_empty() {
            lines.push(Line { keys: Vec::new(), points: total.clone() });
        } else {
            let most = Most { metric: question.metric, groups: count_of(question.lines) };
            let chosen =
                Request { step_ms: None, most: Some(most), ..stepped(filter.clone(), &question.dimensions) };
            let chosen = self.tiers()?.group(&chosen, &turn.control).await?;
            made_of.join(chosen.made_of);
            let chosen = ranked(chosen.groups.groups, most);
            if !chosen.is_empty() {
                let keys: Vec<Vec<Key>> =
                    chosen.iter().map(|group| naming.keys(&question.dimensions, &group.values)).collect();
                let filter = filter.and(only(&question.dimensions, &keys));
                let found =
                    self.tiers()?.group(&stepped(filter, &question.dimensions), &turn.control).await?;
                made_of.join(found.made_of);
                lines = lines_of(&steps, &chosen, keys, &found.groups.groups);
                let in_lines = points(&steps, &found.groups.totals);
                lines.extend(rest(&total, &in_lines));
            }
        }
        Ok(Series {
            start_ms: steps.start_ms,
            step_ms: steps.step_ms,
            lines,
            total,
            source: source(range, made_of, began),
        })
    }
}

/// Lets pass what is in at least one group.
fn only(dimensions: &[Dimension], groups: &[Vec<Key>]) -> Filter {
    Filter::any_of(groups.iter().map(|keys| {
        let terms = dimensions.iter().zip(keys);
        terms.fold(Filter::ALL, |filter, (dimension, key)| {
            // A value without a term would only let more pass, which is left out by its group.
            let term = dimension.term(&key.value).and_then(|term| term.parse().ok());
            filter.and(term.unwrap_or_default())
        })
    }))
}

fn points(steps: &Steps, groups: &[Group]) -> Vec<Traffic> {
    let mut points = vec![Traffic::NONE; steps.count];
    for group in groups {
        add(&mut points, steps, group);
    }
    points
}

fn add(points: &mut [Traffic], steps: &Steps, group: &Group) {
    if let Some(point) = steps.position(group.step_ms).and_then(|position| points.get_mut(position)) {
        *point += group.traffic;
    }
}

fn lines_of(steps: &Steps, chosen: &[Group], keys: Vec<Vec<Key>>, found: &[Group]) -> Vec<Line> {
    let positions: HashMap<&[Value], usize> =
        chosen.iter().enumerate().map(|(position, group)| (group.values.as_slice(), position)).collect();
    let mut lines: Vec<Line> =
        keys.into_iter().map(|keys| Line { keys, points: vec![Traffic::NONE; steps.count] }).collect();
    for group in found {
        let line = positions.get(group.values.as_slice()).and_then(|position| lines.get_mut(*position));
        if let Some(line) = line {
            add(&mut line.points, steps, group);
        }
    }
    lines
}

fn rest(total: &[Traffic], in_lines: &[Traffic]) -> Option<Line> {
    let points: Vec<Traffic> = total.iter().zip(in_lines).map(|(total, lines)| *total - *lines).collect();
    let is_any = points.iter().any(|point| !point.is_none());
    is_any.then_some(Line { keys: Vec::new(), points })
}
