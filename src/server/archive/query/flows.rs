//! Flow records, newest first, a page at a time.
//!
//! A file is read twice: first only when the flows that pass were received, then all columns of the few that are new
//! enough for the page. Files are read newest first, and the rest is left alone when the page is full. Among flows
//! received in the same millisecond the order is that of a number made of all their values: so a page begins where
//! the last one ended, although flows arrive, and move from the tail into files that are sorted otherwise.

use std::cmp::Reverse;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use datafusion::logical_expr::{Expr, col, lit};
use foldhash::fast::FixedState;

use super::batch::received;
use super::scan::{Fault, Scanner, Source};
use super::{QueryError, Stop, condition, next};
use crate::model::filter::Filter;
use crate::model::history::StoredFlow;
use crate::model::time_range::TimeRange;
use crate::server::archive::columns;
use crate::server::history::control::Control;

/// A page of flow records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The flows, newest first.
    pub flows: Vec<StoredFlow>,
    /// Where the next page begins; empty when this was the last.
    pub next: String,
    /// True when a file could not be read: some flows may be missing.
    pub is_partial: bool,
}

/// Where a flow stands: the newest first, then by a number made of all its values.
type Rank = (Reverse<i64>, u64);

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    rank: Rank,
    /// How many flows of this rank were on pages before.
    shown: usize,
}

impl Cursor {
    /// The most flows of equal values that pages can be made of.
    const MOST_SHOWN: usize = 1_000_000;

    /// Reads what [`Page::next`] said; `None` for the first page.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, QueryError> {
        if text.is_empty() {
            return Ok(None);
        }
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(QueryError::Cursor);
        let received = part()?.parse().map_err(|_| QueryError::Cursor)?;
        let number = u64::from_str_radix(part()?, 16).map_err(|_| QueryError::Cursor)?;
        let shown = part()?.parse().map_err(|_| QueryError::Cursor)?;
        if shown > Self::MOST_SHOWN || parts.next().is_some() {
            return Err(QueryError::Cursor);
        }
        Ok(Some(Self { rank: (Reverse(received), number), shown }))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Reverse(received), number) = self.rank;
        write!(formatter, "{received}.{number:x}.{}", self.shown)
    }
}

/// What a page is asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) range: TimeRange,
    pub(super) filter: Filter,
    pub(super) rows: usize,
    pub(super) after: Option<Cursor>,
}

impl Wanted {
    /// Reads the page from the sources.
    pub(super) async fn page(
        self,
        scanner: Arc<Scanner>,
        mut sources: Vec<Source>,
        control: Control,
    ) -> Result<Page, Stop> {
        let shown = self.after.map_or(0, |cursor| cursor.shown);
        let mut nearest =
            Nearest { flows: Vec::new(), room: self.rows.saturating_add(shown).saturating_add(1) };
        sources.sort_by_key(|source| Reverse(source.received().to_ms));
        let steps = sources.len() as u64;
        control.expect(steps);
        for source in &sources {
            if nearest.oldest().is_some_and(|oldest| source.received().to_ms <= oldest) {
                break;
            }
            self.read(&scanner, source, &control, &mut nearest).await?;
        }
        control.advance(steps);
        Ok(self.cut(nearest.finish()))
    }

    async fn read(
        &self,
        scanner: &Scanner,
        source: &Source,
        control: &Control,
        nearest: &mut Nearest,
    ) -> Result<(), Stop> {
        let mut range = self.range;
        if let Some(Cursor { rank: (Reverse(received), _), .. }) = self.after {
            range.to_ms = range.to_ms.min(received.saturating_add(1));
        }
        if let Some(oldest) = nearest.oldest() {
            range.from_ms = range.from_ms.max(oldest);
        }
        if range.from_ms >= range.to_ms {
            return Ok(());
        }
        let mut passing = Vec::new();
        let is_wanted = scanner.condition(source, range, &self.filter);
        let mut batches = scanner.plan(source, &["received"], is_wanted)?.execute(0, scanner.context())?;
        while let Some(batch) = next(&mut batches, control).await? {
            passing.extend(received(&batch.map_err(|error| source.stop_of(error))?)?);
        }
        if passing.is_empty() {
            return Ok(());
        }
        // What was received with the cursor may be on pages before: it is read as well, and takes no room.
        if let Some(Cursor { rank: (Reverse(received), _), .. }) = self.after {
            passing.retain(|moment| *moment < received);
        }
        let last = nearest.room.min(passing.len()).saturating_sub(1);
        let oldest = if passing.is_empty() {
            range.to_ms.saturating_sub(1)
        } else {
            *passing.select_nth_unstable_by_key(last, |moment| Reverse(*moment)).1
        };
        let is_new: Expr = col("received").gt_eq(lit(condition::moment(&columns::schema(), oldest)));
        let is_wanted = match scanner.condition(source, range, &self.filter) {
            Some(is_wanted) => is_new.and(is_wanted),
            None => is_new,
        };

        let schema = columns::schema();
        let all: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mut batches = scanner.plan(source, &all, Some(is_wanted))?.execute(0, scanner.context())?;
        while let Some(batch) = next(&mut batches, control).await? {
            let batch = batch.map_err(|error| source.stop_of(error))?;
            let flows = columns::stored_flows(&batch);
            for flow in flows.map_err(|error| source.stop(Fault::Damaged, error.to_string()))? {
                nearest.offer(flow, self.after);
            }
        }
        Ok(())
    }

    /// The page of the flows from its cursor on, in their order.
    fn cut(&self, flows: Vec<(Rank, StoredFlow)>) -> Page {
        let is_shown = |rank: &Rank| self.after.is_some_and(|cursor| cursor.rank == *rank);
        let shown = flows.iter().take_while(|(rank, _)| is_shown(rank)).count();
        let shown = self.after.map_or(0, |cursor| cursor.shown.min(shown));
        let has_more = flows.len() > shown.saturating_add(self.rows);
        let page: Vec<_> = flows.into_iter().skip(shown).take(self.rows).collect();
        let next = page.last().filter(|_| has_more).map(|(rank, _)| {
            let equal = page.iter().rev().take_while(|(other, _)| other == rank).count();
            let before = if equal == page.len() && is_shown(rank) { shown } else { 0 };
            Cursor { rank: *rank, shown: before + equal }.to_string()
        });
        Page {
            flows: page.into_iter().map(|(_, flow)| flow).collect(),
            next: next.unwrap_or_default(),
            is_partial: false,
        }
    }
}

/// The flows that come first, as many as there is room for.
#[derive(Debug)]
struct Nearest {
    flows: Vec<(Rank, StoredFlow)>,
    room: usize,
}

impl Nearest {
    fn offer(&mut self, flow: StoredFlow, after: Option<Cursor>) {
        let bytes = postcard::to_allocvec(&flow).unwrap_or_default();
        let rank = (Reverse(flow.received_ms), FixedState::default().hash_one(bytes));
        if after.is_some_and(|cursor| rank < cursor.rank) {
            return;
        }
        self.flows.push((rank, flow));
        if self.flows.len() > self.room.saturating_mul(2).max(1_024) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.flows.sort_by_key(|(rank, _)| *rank);
        self.flows.truncate(self.room);
    }

    /// When the last of them was received, if there is no more room.
    fn oldest(&mut self) -> Option<i64> {
        if self.flows.len() < self.room {
            return None;
        }
        self.cut();
        self.flows.last().map(|((Reverse(received), _), _)| *received)
    }

    fn finish(mut self) -> Vec<(Rank, StoredFlow)> {
        self.cut();
        self.flows
    }
}
