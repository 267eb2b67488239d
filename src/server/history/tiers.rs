//! What can answer a request, and what an answer was made of.

use std::sync::Arc;

use super::control::Control;
use super::error::QuestionError;
use super::groups::Groups;
use super::oracle::Oracle;
use super::request::Request;
use crate::model::filter::Filter;
use crate::model::history::{StoredFlow, Tier, TierStatus};
use crate::model::time_range::TimeRange;

/// Everything that keeps something of the past.
#[derive(Debug)]
pub struct Tiers {
    oracle: Arc<Oracle>,
}

/// Sums, and what they were made of.
#[derive(Clone, Debug, PartialEq)]
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
    /// When nothing was collected.
    pub gaps: Vec<TimeRange>,
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
        for (all, more) in [(&mut self.faults, other.faults), (&mut self.notes, other.notes)] {
            for text in more {
                if !all.contains(&text) {
                    all.push(text);
                }
            }
        }
        for gap in other.gaps {
            if !self.gaps.contains(&gap) {
                self.gaps.push(gap);
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

impl Tiers {
    /// The flows that passed last.
    pub const fn new(oracle: Arc<Oracle>) -> Self {
        Self { oracle }
    }

    /// Answers a request.
    pub async fn group(&self, request: &Request, control: &Control) -> Result<Found, QuestionError> {
        let (oracle, request, control) = (Arc::clone(&self.oracle), request.clone(), control.clone());
        let range = request.range;
        let groups = blocking(move || oracle.group(&request, &control)).await??;
        let made_of = MadeOf { tiers: vec![Tier::Archive], range: Some(range), ..MadeOf::default() };
        Ok(Found { groups, made_of })
    }

    /// A page of flow records, newest first.
    pub async fn flows(
        &self,
        range: TimeRange,
        filter: &Filter,
        rows: usize,
        after: &str,
        _control: &Control,
    ) -> Result<FoundFlows, QuestionError> {
        let after = if after.is_empty() { None } else { Some(position(after)?) };
        let (oracle, filter) = (Arc::clone(&self.oracle), filter.clone());
        let mut found = blocking(move || oracle.flows(range, &filter, rows + 1, after)).await?;
        let has_more = found.len() > rows;
        found.truncate(rows);
        let next = found.last().filter(|_| has_more).map(|((ms, position), _)| format!("{ms}.{position}"));
        Ok(FoundFlows {
            flows: found.into_iter().map(|(_, flow)| flow).collect(),
            next: next.unwrap_or_default(),
            made_of: MadeOf { tiers: vec![Tier::Archive], range: Some(range), ..MadeOf::default() },
        })
    }

    /// What each tier keeps.
    pub async fn status(&self) -> Result<Vec<TierStatus>, QuestionError> {
        let oracle = Arc::clone(&self.oracle);
        let (range, rows) = blocking(move || oracle.extent()).await?;
        Ok(vec![TierStatus { tier: Tier::Archive, range, rows, bytes: 0, keep_s: None, keep_bytes: None }])
    }
}

/// Does what takes a while beside the async runtime.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, QuestionError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| QuestionError::Failed(error.into()))
}

fn position(text: &str) -> Result<(i64, u64), QuestionError> {
    let parsed =
        text.split_once('.').and_then(|(ms, position)| Some((ms.parse().ok()?, position.parse().ok()?)));
    parsed.ok_or_else(|| {
        QuestionError::Invalid(format!(
            "{text:?} is no place in the list: write what `next` said, or nothing"
        ))
    })
}
