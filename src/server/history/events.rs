//! What is worth a look in a range: gaps, bursts, what was never seen before.
//!
//! Everything is read from what answers other questions: one series, one top list of countries and one of autonomous
//! systems, and those two only if something is new. The rules stand at [`Events`].

use std::collections::HashMap;
use std::time::Instant;

use super::answers::{History, usable};
use super::bursts::{self, Burst, bursts};
use super::control::Control;
use super::error::QuestionError;
use super::groups::Value;
use super::naming::Naming;
use super::planner::{Found, MOST_GAPS, longest};
use super::request::{Most, Request};
use super::steps::{Steps, round_step_ms};
use crate::model::filter::{End, Field, Filter};
use crate::model::history::{Dimension, Event, EventKind, Events, EventsQuestion, Metric};
use crate::model::quantity;
use crate::model::round_lengths::{HOUR, MINUTE};
use crate::model::time_range::TimeRange;
use crate::model::time_words;
use crate::model::traffic::Traffic;

/// Steps of the series in which bursts are looked for.
const STEPS: u32 = 300;
/// From this length on, steps are whole minutes, which sums know.
const LONG: i64 = HOUR / 2;
/// Groups of a list in which what is new is looked up.
const MOST_GROUPS: usize = 20_000;
/// The most new countries.
const MOST_COUNTRIES: usize = 100;

impl History {
    /// What happened in a range.
    pub async fn events(
        &self,
        question: &EventsQuestion,
        id: u64,
        naming: &Naming,
    ) -> Result<Events, QuestionError> {
        let began = Instant::now();
        let range = usable(question.range)?;
        let filter: Filter = question.filter.parse()?;
        let turn = self.questions().begin(id).await?;
        let seen = self.tiers()?.first_seen(range);
        let (steps, found) = self.stepped(range, &filter, &turn.control).await?;
        let mut made_of = found.made_of;
        let known = TimeRange {
            from_ms: seen.begin_ms.unwrap_or(range.from_ms),
            to_ms: seen.newest_ms.map_or(range.to_ms, |newest| newest.saturating_add(1)),
        };
        let mut totals = vec![Traffic::NONE; steps.count];
        for total in &found.groups.totals {
            if let Some(at) = steps.position(total.step_ms).and_then(|position| totals.get_mut(position)) {
                *at += total.traffic;
            }
        }
        let countries: Vec<_> = of_kind(&seen.seen, EventKind::NewCountry);
        let systems: Vec<_> = of_kind(&seen.seen, EventKind::NewAs);
        let mut news = Vec::new();
        for (kind, seen) in [(EventKind::NewCountry, countries), (EventKind::NewAs, systems)] {
            if seen.is_empty() {
                continue;
            }
            let (field, most) = match kind {
                EventKind::NewCountry => (Field::Country(End::Outside), MOST_COUNTRIES),
                _ => (Field::AsNumber(End::Outside), Events::MOST),
            };
            let dimension = Dimension::Field(field);
            let request = Request {
                range,
                filter: filter.clone(),
                dimensions: vec![dimension],
                step_ms: None,
                addresses: false,
                most: Some(Most { metric: Metric::Bytes, groups: MOST_GROUPS }),
            };
            let found = self.tiers()?.group(&request, &turn.control).await?;
            let is_partial = found.groups.is_partial;
            made_of.join(found.made_of);
            let amounts: HashMap<Value, Traffic> = found
                .groups
                .groups
                .into_iter()
                .filter_map(|mut group| Some((group.values.pop()?, group.traffic)))
                .collect();
            let all_pass = question.filter.trim().is_empty() && is_partial;
            let mut events: Vec<Event> = seen
                .into_iter()
                .filter_map(|(value, range)| {
                    let traffic =
                        amounts.get(value).copied().or_else(|| all_pass.then_some(Traffic::NONE))?;
                    Some(new_event(kind, dimension, value, range, traffic, naming))
                })
                .collect();
            events.sort_by_key(|event| std::cmp::Reverse(event.traffic.scaled_bytes));
            news.push((events, most));
        }
        if seen.is_full {
            made_of.notes.push(
                "There are too many autonomous systems to follow: the newest are not among the events."
                    .to_owned(),
            );
        }
        let source = self.tiers()?.source(range, made_of, began);
        let gaps = self.tiers()?.gaps(source.range);
        let points = points(&steps, &totals, known, &gaps);
        let (bursts, mut left_out) = bursts(&points);
        // Less than a step is nothing that could be pointed at; a minute is worth a word in any case.
        let shortest = steps.step_ms.min(MINUTE);
        let (gaps, others) = longest(gaps.into_iter().filter(|gap| gap.length_ms() >= shortest).collect());
        left_out += others;
        let mut events: Vec<Event> = gaps.into_iter().map(gap_event).collect();
        events.extend(bursts.into_iter().filter_map(|burst| burst_event(&burst, &steps, range)));
        for (mut of_kind, most) in news {
            let most = most.min(Events::MOST.saturating_sub(events.len()));
            left_out += of_kind.len().saturating_sub(most);
            of_kind.truncate(most);
            events.extend(of_kind);
        }
        events.sort_by_key(|event| (event.range.from_ms, event.kind));
        Ok(Events { events, left_out: left_out as u64, step_ms: steps.step_ms, source })
    }

    /// The traffic of each step, with steps as short as there are sums or flow records for.
    async fn stepped(
        &self,
        range: TimeRange,
        filter: &Filter,
        control: &Control,
    ) -> Result<(Steps, Found), QuestionError> {
        let round = round_step_ms(range, STEPS);
        let shortest = if range.length_ms() >= LONG { round.max(MINUTE) } else { round };
        let mut last = None;
        for step_ms in [shortest, HOUR, 24 * HOUR] {
            if last.is_some() && step_ms <= shortest {
                continue;
            }
            let steps = Steps::of(range, step_ms);
            let request = Request {
                range,
                filter: filter.clone(),
                dimensions: Vec::new(),
                step_ms: Some(step_ms),
                addresses: false,
                most: None,
            };
            let found = self.tiers()?.group(&request, control).await?;
            let is_complete = found.made_of.faults.is_empty();
            // Coarser steps would tell no more of where the finer ones are incomplete.
            if is_complete || last.is_none() {
                last = Some((steps, found));
            }
            if is_complete {
                break;
            }
        }
        last.ok_or(QuestionError::Cancelled)
    }
}

/// The newcomers of a kind.
fn of_kind(seen: &[(Value, TimeRange)], kind: EventKind) -> Vec<(&Value, TimeRange)> {
    let is_country = kind == EventKind::NewCountry;
    let wanted = seen.iter().filter(|(value, _)| matches!(value, Value::Country(_)) == is_country);
    wanted.map(|(value, range)| (value, *range)).collect()
}

/// The traffic of each step; `None` where nothing was collected, before the history began and where it has not come to.
fn points(steps: &Steps, totals: &[Traffic], known: TimeRange, gaps: &[TimeRange]) -> Vec<Option<Traffic>> {
    let mut start_ms = steps.start_ms;
    let mut points = Vec::with_capacity(totals.len());
    for &total in totals {
        let step = TimeRange { from_ms: start_ms, to_ms: start_ms.saturating_add(steps.step_ms) };
        start_ms = step.to_ms;
        let is_known = step.intersection(known).is_some()
            && (!total.is_none() || !gaps.iter().any(|gap| gap.intersection(step).is_some()));
        points.push(is_known.then_some(total));
    }
    points
}

fn gap_event(gap: TimeRange) -> Event {
    Event {
        kind: EventKind::Gap,
        range: gap,
        key: None,
        text: format!("Nothing was collected for {}", time_words::length(gap.length_ms())),
        filter: String::new(),
        traffic: Traffic::NONE,
    }
}

fn burst_event(burst: &Burst, steps: &Steps, range: TimeRange) -> Option<Event> {
    let at = |step: usize| {
        let offset = i64::try_from(step).ok()?.checked_mul(steps.step_ms)?;
        steps.start_ms.checked_add(offset)
    };
    let stretch = TimeRange { from_ms: at(burst.steps.start)?, to_ms: at(burst.steps.end)? };
    let times = |times: Option<f64>, noun: &str| {
        times.map(|times| match times {
            times if times.is_infinite() => format!("{noun} out of silence"),
            times => format!("{noun} {times:.1} times as many as around"),
        })
    };
    let said: Vec<String> =
        [times(burst.flows, "flows"), times(burst.bytes, "bytes")].into_iter().flatten().collect();
    let mut said = said.join(", ");
    if let Some(first) = said.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Some(Event {
        kind: EventKind::Burst,
        range: stretch.intersection(range)?,
        key: None,
        text: format!("{said}: {}", amount(burst.traffic)),
        filter: String::new(),
        traffic: burst.traffic,
    })
}

fn new_event(
    kind: EventKind,
    dimension: Dimension,
    value: &Value,
    range: TimeRange,
    traffic: Traffic,
    naming: &Naming,
) -> Event {
    let key = naming.keys(&[dimension], std::slice::from_ref(value)).pop().unwrap_or_default();
    let name = match (kind, key.label.is_empty()) {
        (EventKind::NewAs, true) => format!("AS{}", key.value),
        (EventKind::NewAs, false) => format!("{} (AS{})", key.label, key.value),
        (_, true) => key.value.clone(),
        (_, false) => key.label.clone(),
    };
    let had = if traffic.is_none() { String::new() } else { format!("; in this range {}", amount(traffic)) };
    Event {
        kind,
        range,
        text: format!("{name} for the first time{had}"),
        filter: dimension.term(&key.value).unwrap_or_default(),
        key: Some(key),
        traffic,
    }
}

fn amount(traffic: Traffic) -> String {
    format!("{}, {}", quantity::counted(traffic.flows, "flow"), quantity::bytes(traffic.scaled_bytes))
}

const _: () = assert!(MOST_GAPS + bursts::MOST + MOST_COUNTRIES < Events::MOST);
