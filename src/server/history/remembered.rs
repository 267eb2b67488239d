//! Answers that were given before: of periods that are over, as long as nothing that comes late changes them.
//!
//! An answer is kept as bytes, under its question and all that could make it another one: what has expired, which files
//! are damaged, when nothing was collected. All are forgotten when another geolocation gives the names; otherwise what
//! was not used for longest goes first.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use foldhash::fast::RandomState;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answers::History;
use super::error::QuestionError;
use crate::model::history::{Heatmap, Series, Source, Top};
use crate::model::time_range::TimeRange;
use crate::server::geolocation::Geolocation;

/// Bytes of all answers together.
const MOST_BYTES: usize = 32 << 20;
/// Bytes of one answer.
const MOST_BYTES_OF_ONE: usize = 4 << 20;
/// What takes less is found again as fast.
const LEAST_MS: u64 = 5;

/// An answer that says what it was made of.
pub(super) trait Answer: Serialize + DeserializeOwned {
    fn source_mut(&mut self) -> &mut Source;
}

impl Answer for Heatmap {
    fn source_mut(&mut self) -> &mut Source {
        &mut self.source
    }
}

impl Answer for Series {
    fn source_mut(&mut self) -> &mut Source {
        &mut self.source
    }
}

impl Answer for Top {
    fn source_mut(&mut self) -> &mut Source {
        &mut self.source
    }
}

/// Answers by question.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    answers: HashMap<Vec<u8>, Kept, RandomState>,
    bytes: usize,
    uses: u64,
    /// Whose names the answers have. Held, so that no later one can stand at its address.
    names_of: Weak<Geolocation>,
}

#[derive(Debug)]
struct Kept {
    answer: Vec<u8>,
    /// Of what the answer was made.
    range: TimeRange,
    /// The state of the sums before it was asked.
    as_of: u64,
    /// The number of its last use.
    used: u64,
}

impl Shelf {
    /// Forgets everything if the names are another's now.
    fn name_by(&mut self, geolocation: &Arc<Geolocation>) {
        if self.names_of.as_ptr() != Arc::as_ptr(geolocation) {
            *self = Self { names_of: Arc::downgrade(geolocation), uses: self.uses, ..Self::default() };
        }
    }

    /// An answer that is still right.
    fn find(&mut self, question: &[u8], changed_since: impl Fn(TimeRange, u64) -> bool) -> Option<Vec<u8>> {
        self.uses += 1;
        let kept = self.answers.get_mut(question)?;
        if changed_since(kept.range, kept.as_of) {
            self.remove(question);
            return None;
        }
        kept.used = self.uses;
        Some(kept.answer.clone())
    }

    fn keep(&mut self, question: Vec<u8>, answer: Vec<u8>, range: TimeRange, as_of: u64) {
        let size = question.len() + answer.len();
        if size > MOST_BYTES_OF_ONE {
            return;
        }
        self.remove(&question);
        self.bytes += size;
        self.answers.insert(question, Kept { answer, range, as_of, used: self.uses });
        while self.bytes > MOST_BYTES {
            let oldest = self.answers.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(question, _)| question.clone()) else { break };
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, question: &[u8]) {
        if let Some(kept) = self.answers.remove(question) {
            self.bytes -= question.len() + kept.answer.len();
        }
    }
}

impl History {
    /// The answer to a question about a range, which is looked for only if it is not known.
    pub(super) async fn remembered<A: Answer>(
        &self,
        kind: &str,
        question: &impl Serialize,
        range: TimeRange,
        find: impl Future<Output = Result<A, QuestionError>>,
    ) -> Result<A, QuestionError> {
        let began = Instant::now();
        let tiers = self.tiers()?;
        let Some((as_of, state)) = tiers.state_of(range) else { return find.await };
        let Ok(key) = postcard::to_allocvec(&(kind, question, state)) else { return find.await };
        let geolocation = self.geolocation.load();
        let found = {
            let mut kept = self.shelf();
            kept.name_by(&geolocation);
            kept.find(&key, |range, as_of| tiers.has_changed(range, as_of))
        };
        if let Some(mut answer) = found.and_then(|bytes| postcard::from_bytes::<A>(&bytes).ok()) {
            answer.source_mut().took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            return Ok(answer);
        }
        let mut answer = find.await?;
        let Source { took_ms, range, .. } = *answer.source_mut();
        if took_ms >= LEAST_MS
            && let Ok(bytes) = postcard::to_allocvec(&answer)
        {
            let mut kept = self.shelf();
            // Otherwise some of its names may be of one, some of the other.
            if Arc::ptr_eq(&geolocation, &self.geolocation.load()) {
                kept.keep(key, bytes, range, as_of);
            }
        }
        Ok(answer)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.remembered.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::geolocation::Settings;

    const RANGE: TimeRange = TimeRange { from_ms: 0, to_ms: 60_000 };

    #[test]
    fn an_answer_is_given_again_until_its_range_changes() {
        let mut shelf = Shelf::default();
        shelf.keep(vec![1], vec![7; 10], RANGE, 5);
        assert_eq!(shelf.find(&[1], |range, as_of| (range, as_of) != (RANGE, 5)), Some(vec![7; 10]));
        assert_eq!(shelf.find(&[2], |_, _| false), None);
        assert_eq!(shelf.find(&[1], |_, _| true), None);
        assert_eq!((shelf.answers.len(), shelf.bytes), (0, 0));
    }

    #[test]
    fn answers_with_the_names_of_an_earlier_geolocation_are_forgotten() {
        let named = || Arc::new(Geolocation::without_databases(&Settings::default()));
        let (mut shelf, first) = (Shelf::default(), named());
        shelf.name_by(&first);
        shelf.keep(vec![1], vec![7; 10], RANGE, 5);
        shelf.name_by(&first);
        assert!(shelf.find(&[1], |_, _| false).is_some());
        shelf.name_by(&named());
        assert_eq!(shelf.find(&[1], |_, _| false), None);
        assert_eq!(shelf.bytes, 0);
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first_and_what_is_too_large_is_not_kept() {
        let mut shelf = Shelf::default();
        let large = || vec![0; MOST_BYTES_OF_ONE - 1];
        for number in 0..8 {
            shelf.keep(vec![number], large(), RANGE, 0);
            assert!(shelf.find(&[0], |_, _| false).is_some());
        }
        shelf.keep(vec![8], large(), RANGE, 0);
        assert!(shelf.find(&[0], |_, _| false).is_some() && shelf.find(&[1], |_, _| false).is_none());
        assert!(shelf.bytes <= MOST_BYTES);
        shelf.keep(vec![9, 9], large(), RANGE, 0);
        assert!(shelf.find(&[9, 9], |_, _| false).is_none());
    }
}
