//! Who answers: the coarsest sums that can, flow records for the rest.
//!
//! The store cuts a range into whole days, hours and minutes that it can tell exactly; the parts of minutes at the ends
//! come from the archive. What the archive does not have any more is widened to whole buckets of sums, and the answer
//! says so. Where the sums know groups only in part and the flow records are still there, these answer.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::RandomState;
use serde::Serialize;

use super::address_set::AddressSet;
use super::control::Control;
use super::error::QuestionError;
use super::groups::{Group, Groups, Value};
use super::request::Request;
use crate::model::filter::Filter;
use crate::model::history::{Source, StoredFlow, Tier};
use crate::model::quantity;
use crate::model::time::date_and_time;
use crate::model::time_range::TimeRange;
use crate::model::traffic::Traffic;
use crate::server::archive::Archive;
use crate::server::archive::query::{Queries, QueryError};
use crate::server::store::{ExporterLoss, LossChange, Losses, Newcomers, Plan, Store, StoreError};

/// The most gaps in collection that an answer tells one by one; a series tells more, by its steps.
pub(super) const MOST_GAPS: usize = 100;
const CANNOT_TELL: &str = "Sums cannot tell what was asked for";
/// For people: why an answer has a longer range than was asked for.
pub const WIDENED: &str =
    "Flow records of that time are not kept any more: the range was widened to what the sums have.";

/// The archive and the store, as one.
#[derive(Debug)]
pub struct Tiers {
    archive: Arc<Archive>,
    queries: Queries,
    store: Arc<Store>,
}

/// Sums, and what they were made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The sums.
    pub groups: Groups,
    /// What they were made of.
    pub made_of: MadeOf,
}

/// What an answer was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MadeOf {
    /// The tiers, finest first.
    pub tiers: Vec<Tier>,
    /// What was asked for, widened to whole buckets where only sums are left; `None` when that is not known yet.
    pub range: Option<TimeRange>,
    /// For people: why figures may be too low; empty when they are not.
    pub faults: Vec<String>,
    /// For people: what else there is to know.
    pub notes: Vec<String>,
    /// What of the range nothing tells any more that could answer.
    pub lost: Vec<TimeRange>,
}

impl MadeOf {
    /// Adds what another part of the answer was made of.
    pub fn join(&mut self, other: Self) {
        self.tiers.extend(other.tiers);
        self.tiers.sort_unstable();
        self.tiers.dedup();
        self.range = match (self.range, other.range) {
            (Some(one), Some(other)) => {
                TimeRange::new(one.from_ms.min(other.from_ms), one.to_ms.max(other.to_ms))
            }
            (one, other) => one.or(other),
        };
        self.lost.extend(other.lost);
        for (all, more) in [(&mut self.faults, other.faults), (&mut self.notes, other.notes)] {
            for text in more {
                if !all.contains(&text) {
                    all.push(text);
                }
            }
        }
    }
}

/// A page of flow records, and where the next begins.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundFlows {
    /// The flows, newest first.
    pub flows: Vec<StoredFlow>,
    /// Where the next page begins; empty when there is none.
    pub next: String,
    /// What they were read from.
    pub made_of: MadeOf,
}

/// Who answers which part of a range.
#[derive(Clone, Debug, Default, PartialEq)]
struct Parts {
    /// What is answered: what was asked for, or more where only sums are left.
    range: Option<TimeRange>,
    /// Whole buckets of the store.
    sums: Vec<(Tier, TimeRange)>,
    /// What flow records tell.
    records: Vec<TimeRange>,
    /// What nothing tells any more.
    lost: Vec<TimeRange>,
}

impl Tiers {
    /// What is kept in a data folder.
    pub const fn new(archive: Arc<Archive>, queries: Queries, store: Arc<Store>) -> Self {
        Self { archive, queries, store }
    }

    /// What keeps the sums.
    pub(in crate::server) const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// What answers about a range that is over depend on besides its flows, and the number of the last change of those.
    /// `None` when the range is not over.
    pub(super) fn state_of(&self, range: TimeRange) -> Option<(u64, impl Serialize + use<>)> {
        if !self.store.is_over(range) {
            return None;
        }
        let changes = self.store.changes_so_far();
        let sums = [Tier::Minute, Tier::Hour, Tier::Day].map(|tier| self.store.kept_from_ms(tier));
        let archive = (self.archive.kept_from_ms(), self.archive.damaged());
        let collected = (self.store.gaps(range), self.store.losses(range).text());
        Some((changes, (sums, archive, collected)))
    }

    /// True when a range may have got flows after the change of a number.
    pub(super) fn has_changed(&self, range: TimeRange, after: u64) -> bool {
        self.store.has_changed(range, after)
    }

    /// True when flow records of a range are not kept any more.
    pub fn has_expired(&self, range: TimeRange) -> bool {
        self.archive.kept_from_ms().is_some_and(|kept_from_ms| kept_from_ms > range.from_ms)
    }

    /// The flow records.
    pub const fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// What reads the flow records.
    pub const fn queries(&self) -> &Queries {
        &self.queries
    }

    /// Which countries and autonomous systems the whole history saw for the first time in a range.
    pub fn first_seen(&self, range: TimeRange) -> Newcomers {
        self.store.first_seen(range)
    }

    /// When nothing was collected in a range, as far as that is over.
    pub fn gaps(&self, range: TimeRange) -> Vec<TimeRange> {
        self.store.gaps(range)
    }

    /// How many flow records were received in a range, or close to it, and not stored.
    pub fn losses(&self, range: TimeRange) -> Losses {
        self.store.losses(range)
    }

    /// What is missing of each exporter in a range, of those of which anything is.
    pub async fn exporter_losses(
        &self,
        range: TimeRange,
    ) -> Result<HashMap<IpAddr, ExporterLoss>, StoreError> {
        self.store.exporter_losses(range).await
    }

    /// Adds what is noticed to be missing of exporters at a moment. After an error none of it is added.
    pub async fn add_exporter_losses(&self, now_ms: i64, changes: &[LossChange]) -> Result<(), StoreError> {
        self.store.add_exporter_losses(now_ms, changes).await
    }

    /// Answers a request.
    pub async fn group(&self, request: &Request, control: &Control) -> Result<Found, QuestionError> {
        let kept_from_ms = self.archive.kept_from_ms();
        let has_records = kept_from_ms.is_none_or(|kept_from_ms| kept_from_ms <= request.range.from_ms);
        let parts = self.parts(request, kept_from_ms);
        if parts.sums.is_empty() {
            return self.of_records(request, parts, control).await;
        }
        // Groups with most of the parts are not those of the whole.
        let is_whole = parts.records.is_empty();
        let asked = Request { most: request.most.filter(|_| is_whole), ..request.clone() };
        let sums = self.store.group(&asked, &parts.sums, control).await.map_err(of_store)?;
        if control.cancel.is_cancelled() {
            return Err(QuestionError::Cancelled);
        }
        let sums = match sums {
            Some(sums) if !(sums.is_partial && has_records) => sums,
            None if !has_records => {
                return self.of_records(request, records_of(request, kept_from_ms), control).await;
            }
            _ => {
                let parts =
                    Parts { range: Some(request.range), records: vec![request.range], ..Parts::default() };
                return self.of_records(request, parts, control).await;
            }
        };
        let mut tiers: Vec<Tier> = parts.sums.iter().map(|(tier, _)| *tier).collect();
        let mut all = Joined::default();
        let mut is_partial = sums.is_partial;
        let groups = if is_whole {
            sums
        } else {
            all.add(sums);
            for range in &parts.records {
                let part = Request { range: *range, ..asked.clone() };
                let found = self.queries.group(&part, control).await.map_err(of_query)?;
                is_partial |= found.is_partial;
                all.add(at_step_of(found, request, *range));
            }
            tiers.push(Tier::Archive);
            all.groups()
        };
        Ok(Found {
            made_of: made_of(request, &parts, tiers, is_partial),
            groups: Groups { is_partial, ..groups },
        })
    }

    /// Answers from flow records alone.
    async fn of_records(
        &self,
        request: &Request,
        parts: Parts,
        control: &Control,
    ) -> Result<Found, QuestionError> {
        let (groups, tiers) = match parts.records.as_slice() {
            [range] => {
                let asked = Request { range: *range, ..request.clone() };
                let found = self.queries.group(&asked, control).await.map_err(of_query)?;
                (at_step_of(found, request, *range), vec![Tier::Archive])
            }
            _ => (Groups::default(), Vec::new()),
        };
        Ok(Found { made_of: made_of(request, &parts, tiers, groups.is_partial), groups })
    }

    /// From when on a tier of sums has everything; `None` when nothing was ever removed from it.
    pub fn kept_from_ms(&self, tier: Tier) -> Option<i64> {
        self.store.kept_from_ms(tier)
    }

    /// True when sums can tell what is asked for.
    pub fn plans(&self, request: &Request) -> bool {
        self.store.plan(request).is_some()
    }

    /// What sums can tell, also where they know the groups only in part, so that it never takes long; flow records tell
    /// what is left at the ends of the range, and what these do not have any more is missing. `None` when sums cannot tell
    /// such groups.
    pub async fn sums(&self, request: &Request, control: &Control) -> Result<Option<Groups>, QuestionError> {
        let Some(plan) = self.store.plan(request) else { return Ok(None) };
        let parts = of_plan(request.range, plan, self.archive.kept_from_ms());
        let sums = self.store.group(request, &parts.sums, control).await.map_err(of_store)?;
        if control.cancel.is_cancelled() {
            return Err(QuestionError::Cancelled);
        }
        let Some(sums) = sums else { return Ok(None) };
        let mut is_partial = sums.is_partial || !parts.lost.is_empty();
        let mut all = Joined::default();
        all.add(sums);
        for range in &parts.records {
            let part = Request { range: *range, ..request.clone() };
            let found = self.queries.group(&part, control).await.map_err(of_query)?;
            is_partial |= found.is_partial;
            all.add(at_step_of(found, request, *range));
        }
        Ok(Some(Groups { is_partial, ..all.groups() }))
    }

    /// A page of flow records, newest first.
    pub async fn flows(
        &self,
        range: TimeRange,
        filter: &Filter,
        rows: usize,
        after: &str,
        control: &Control,
    ) -> Result<FoundFlows, QuestionError> {
        let page = self.queries.flows(range, filter, rows, after, control).await.map_err(of_query)?;
        let mut made_of = MadeOf { tiers: vec![Tier::Archive], range: Some(range), ..MadeOf::default() };
        if page.is_partial {
            made_of.faults.push(damaged());
        }
        if let Some(kept_from_ms) = self.archive.kept_from_ms().filter(|kept| *kept > range.from_ms) {
            made_of.faults.push(format!("Flow records are kept from {} on.", date_and_time(kept_from_ms)));
        }
        Ok(FoundFlows { flows: page.flows, next: page.next, made_of })
    }

    /// What an answer was made of, with the stretches in which nothing was collected and what was lost.
    pub fn source(&self, range: TimeRange, made_of: MadeOf, began: Instant) -> Source {
        self.source_with(range, made_of, began, |gaps| {
            let (gaps, left_out) = longest(gaps);
            let others = quantity::counted(left_out as u64, "gap");
            let note = format!("{others} in collection shorter than those told here are left out.");
            (gaps, (left_out > 0).then_some(note))
        })
    }

    /// The same for an answer in steps, which has figures of every one: none of its gaps is left out. Of many, those within
    /// the same step are told as one.
    pub fn source_of_steps(&self, range: TimeRange, made_of: MadeOf, step_ms: i64, began: Instant) -> Source {
        self.source_with(range, made_of, began, |gaps| {
            if gaps.len() <= MOST_GAPS {
                return (gaps, None);
            }
            let note = format!(
                "There are {} in collection: those within the same step are told as one, as long as they are together.",
                quantity::counted(gaps.len() as u64, "gap")
            );
            (joined_within(gaps, step_ms), Some(note))
        })
    }

    fn source_with(
        &self,
        range: TimeRange,
        made_of: MadeOf,
        began: Instant,
        tell: impl FnOnce(Vec<TimeRange>) -> (Vec<TimeRange>, Option<String>),
    ) -> Source {
        let MadeOf { tiers, range: widened, mut faults, mut notes, lost: _ } = made_of;
        let range = widened.unwrap_or(range);
        let (gaps, note) = tell(self.store.gaps(range));
        notes.extend(note);
        faults.extend(self.store.losses(range).text());
        Source {
            tiers,
            range,
            is_complete: faults.is_empty(),
            note: faults.into_iter().chain(notes).collect::<Vec<_>>().join(" "),
            gaps,
            took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Who answers which part. `kept_from_ms` is from when on all flow records are kept, if some are not.
    fn parts(&self, request: &Request, kept_from_ms: Option<i64>) -> Parts {
        let Some(plan) = self.store.plan(request) else { return records_of(request, kept_from_ms) };
        let parts = of_plan(request.range, plan, kept_from_ms);
        if parts.lost.is_empty() {
            return parts;
        }
        // The finest buckets that still have all of it.
        for tier in [Tier::Minute, Tier::Hour, Tier::Day] {
            let range = widened(request.range, tier.bucket_ms());
            let Some(plan) = self.store.plan(&Request { range, ..request.clone() }) else { continue };
            let parts = of_plan(range, plan, kept_from_ms);
            if parts.lost.is_empty() {
                return parts;
            }
        }
        parts
    }
}

fn of_plan(range: TimeRange, plan: Plan, kept_from_ms: Option<i64>) -> Parts {
    let mut parts = Parts { range: Some(range), sums: plan.pieces, ..Parts::default() };
    for left in plan.left {
        let (lost, kept) = cut(left, kept_from_ms);
        parts.lost.extend(lost);
        parts.records.extend(kept);
    }
    parts
}

fn records_of(request: &Request, kept_from_ms: Option<i64>) -> Parts {
    let (lost, kept) = cut(request.range, kept_from_ms);
    Parts {
        range: Some(request.range),
        records: kept.into_iter().collect(),
        lost: lost.into_iter().collect(),
        ..Parts::default()
    }
}

/// What of a range is before a moment, and what is not.
fn cut(range: TimeRange, at_ms: Option<i64>) -> (Option<TimeRange>, Option<TimeRange>) {
    let Some(at_ms) = at_ms else { return (None, Some(range)) };
    let at_ms = at_ms.clamp(range.from_ms, range.to_ms);
    (TimeRange::new(range.from_ms, at_ms), TimeRange::new(at_ms, range.to_ms))
}

/// A range in whole buckets, as few as have all of it.
pub fn widened(range: TimeRange, bucket_ms: i64) -> TimeRange {
    let floor = |moment: i64| moment.div_euclid(bucket_ms).saturating_mul(bucket_ms);
    TimeRange { from_ms: floor(range.from_ms), to_ms: floor(range.to_ms.saturating_add(bucket_ms - 1)) }
}

/// In a request without steps every group is of the step that begins with the request's range.
fn at_step_of(mut groups: Groups, request: &Request, part: TimeRange) -> Groups {
    if request.step_ms.is_none() && part.from_ms != request.range.from_ms {
        for group in groups.groups.iter_mut().chain(&mut groups.totals) {
            group.step_ms = request.range.from_ms;
        }
    }
    groups
}

fn made_of(request: &Request, parts: &Parts, tiers: Vec<Tier>, is_partial: bool) -> MadeOf {
    let mut made_of = MadeOf { range: parts.range, lost: parts.lost.clone(), ..MadeOf::default() };
    made_of.join(MadeOf { tiers, ..MadeOf::default() });
    if let Some(last) = parts.lost.iter().map(|lost| lost.to_ms).max() {
        let why = if parts.sums.is_empty() { CANNOT_TELL } else { "Sums are not kept as fine as this" };
        let kept = date_and_time(last);
        made_of.faults.push(format!(
            "{why}, and flow records are kept from {kept} on only: what was before is missing."
        ));
    }
    if is_partial {
        made_of.faults.push(if parts.sums.is_empty() { damaged() } else { in_part() });
    }
    if parts.range != Some(request.range) {
        made_of.notes.push(WIDENED.to_owned());
    }
    made_of
}

/// The gaps that are told one by one, the longest of many, and how many shorter ones are not.
pub(super) fn longest(mut gaps: Vec<TimeRange>) -> (Vec<TimeRange>, usize) {
    let left_out = gaps.len().saturating_sub(MOST_GAPS);
    if left_out > 0 {
        gaps.sort_by_key(|gap| Reverse(gap.length_ms()));
        gaps.truncate(MOST_GAPS);
        gaps.sort_by_key(|gap| gap.from_ms);
    }
    (gaps, left_out)
}

/// Gaps by time, those that lie within the same step put together, from where the first of them begins: at most two for each
/// step, and each step has as much of gaps as before.
fn joined_within(gaps: Vec<TimeRange>, step_ms: i64) -> Vec<TimeRange> {
    let step_ms = step_ms.max(1);
    let step = |ms: i64| ms.div_euclid(step_ms);
    let mut joined: Vec<TimeRange> = Vec::new();
    let mut step_of_last = None;
    for gap in gaps {
        let own = Some(step(gap.from_ms)).filter(|own| *own == step(gap.to_ms - 1));
        match joined.last_mut() {
            Some(last) if own.is_some() && own == step_of_last => last.to_ms += gap.length_ms(),
            _ => joined.push(gap),
        }
        step_of_last = own;
    }
    joined
}

fn damaged() -> String {
    "A file of the archive cannot be read: its flows are missing.".to_owned()
}

fn in_part() -> String {
    "Sums keep the groups with most one by one: smaller ones are missing, in the total they are.".to_owned()
}

/// Groups of several parts of a range, added up.
#[derive(Default)]
struct Joined {
    groups: HashMap<(Vec<Value>, i64), Sum, RandomState>,
    totals: HashMap<i64, Sum, RandomState>,
}

#[derive(Default)]
struct Sum {
    traffic: Traffic,
    addresses: Option<AddressSet>,
}

impl Sum {
    fn add(&mut self, group: Group) {
        self.traffic += group.traffic;
        match (&mut self.addresses, group.addresses) {
            (Some(mine), Some(other)) => mine.merge(&other),
            (mine @ None, other) => *mine = other,
            (Some(_), None) => {}
        }
    }

    fn group(self, values: Vec<Value>, step_ms: i64) -> Group {
        Group { values, step_ms, traffic: self.traffic, addresses: self.addresses }
    }
}

impl Joined {
    fn add(&mut self, mut groups: Groups) {
        for mut group in groups.groups.drain(..) {
            let values = std::mem::take(&mut group.values);
            self.groups.entry((values, group.step_ms)).or_default().add(group);
        }
        for total in groups.totals {
            self.totals.entry(total.step_ms).or_default().add(total);
        }
    }

    fn groups(self) -> Groups {
        let groups: Vec<Group> =
            self.groups.into_iter().map(|((values, step_ms), sum)| sum.group(values, step_ms)).collect();
        let totals = self.totals.into_iter().map(|(step_ms, sum)| sum.group(Vec::new(), step_ms));
        Groups { count: groups.len() as u64, totals: totals.collect(), groups, is_partial: false }
    }
}

/// Why a question has no answer, when flow records could not be read.
pub fn of_query(error: QueryError) -> QuestionError {
    match error {
        QueryError::Cancelled => QuestionError::Cancelled,
        QueryError::TooManyGroups | QueryError::TooLarge | QueryError::Cursor => {
            QuestionError::Invalid(format!("This cannot be answered: {error}."))
        }
        other => QuestionError::Failed(other.into()),
    }
}

pub fn of_store(error: StoreError) -> QuestionError {
    QuestionError::Failed(error.into())
}

#[cfg(test)]
mod tests;
