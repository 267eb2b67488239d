//! Questions to the archive.
//!
//! `DataFusion` reads the files: it skips row groups and pages by their statistics and bloom filters, decodes only the
//! columns that a question needs, and of those only the rows that pass the filter. The sums are our own, because a
//! flow can be in two groups, because sums saturate, and because a group has a set of addresses beside its sums.
//!
//! Questions have threads of their own, [`WORKERS`] in all, and at most [`AT_ONCE`] are worked on at the same time;
//! the others wait in the order they came; what replays gather has turns of its own. A question ends within a batch when its control is cancelled or nobody
//! waits for its answer any more. A file that cannot be read is left out, and the answer says that it is partial.

mod batch;
mod condition;
mod flows;
mod gather;
mod group;
mod key;
mod layout;
mod membership;
mod rows;
mod scan;
mod sums;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures_util::StreamExt as _;
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

pub use self::flows::Page;
use self::flows::{Cursor, Wanted};
use self::gather::Gatherings;
pub use self::gather::Haste;
use self::group::Work;
use self::rows::Reading;
pub use self::rows::{Order, Rows};
use self::scan::{Fault, Scanner, Source};
use super::{Archive, ArchiveFile, Snapshot};
use crate::model::filter::Filter;
use crate::model::time_range::TimeRange;
use crate::server::history::control::Control;
use crate::server::history::groups::Groups;
use crate::server::history::request::Request;

/// Threads that work on questions.
pub const WORKERS: usize = 2;
/// Questions that are worked on at the same time.
pub const AT_ONCE: usize = 2;
/// How much they give way to the threads that collect.
const NICE: i32 = 10;
/// Memory that all questions together may take for what they keep, bytes.
pub const MEMORY_BYTES: usize = 512 << 20;
/// The most groups of an answer that has all of them.
pub const MOST_GROUPS: usize = 500_000;

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum QueryError {
    /// Nobody waits for the answer any more.
    #[error("the question was cancelled")]
    Cancelled,
    /// The answer would have too many groups.
    #[error(
        "the answer has more than {MOST_GROUPS} groups: ask for fewer dimensions, a shorter range, longer steps or \
         fewer flows by a filter, or only for the groups with most"
    )]
    TooManyGroups,
    /// The sums do not fit into memory.
    #[error(
        "the answer needs more memory than questions may take: ask for a shorter range, fewer dimensions or fewer \
         flows by a filter"
    )]
    TooLarge,
    /// A page was asked for after something that is no page.
    #[error("this page does not exist: begin again with the first page")]
    Cursor,
    /// What works on questions cannot be started.
    #[error("cannot start the threads that work on questions")]
    Start(#[source] std::io::Error),
    /// The work ended without an answer.
    #[error("the work on the question ended: {0}")]
    Stopped(String),
    /// Something failed that has nothing to do with a file.
    #[error("cannot ask the archive")]
    Failed(#[from] DataFusionError),
}

/// Why a question could not be answered from all the files.
#[derive(Debug)]
enum Stop {
    /// A file cannot be read: ask again without it.
    File(Arc<ArchiveFile>, Fault, String),
    /// The tables take too much memory: ask again in more passes.
    Full,
    Failed(QueryError),
}

impl Stop {
    /// The file that is to be left out, of which the archive is told.
    fn left_out(self, archive: &Archive) -> Result<Arc<ArchiveFile>, QueryError> {
        match self {
            Self::File(file, Fault::Damaged, reason) => {
                archive.set_aside(&file, &reason);
                Ok(file)
            }
            Self::File(file, Fault::Unreadable, reason) => {
                tracing::warn!("{} cannot be read and is left out: {reason}", file.path.display());
                Ok(file)
            }
            Self::Full => Err(QueryError::TooLarge),
            Self::Failed(error) => Err(error),
        }
    }
}

impl From<DataFusionError> for Stop {
    fn from(error: DataFusionError) -> Self {
        Self::Failed(error.into())
    }
}

impl Source {
    fn stop(&self, fault: Fault, reason: String) -> Stop {
        match self {
            Self::File(file) => Stop::File(Arc::clone(file), fault, reason),
            Self::Tail(..) => Stop::Failed(QueryError::Stopped(reason)),
        }
    }

    fn stop_of(&self, error: DataFusionError) -> Stop {
        match Fault::of(&error) {
            Some(fault) => self.stop(fault, error.strip_backtrace()),
            None => error.into(),
        }
    }
}

/// Answers questions from an archive.
#[derive(Debug)]
pub struct Queries {
    archive: Arc<Archive>,
    scanner: Arc<Scanner>,
    turns: Arc<Semaphore>,
    gatherings: Gatherings,
    /// `None` while it is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Queries {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Queries {
    /// `spill` is a folder for what does not fit into memory while flows are sorted.
    pub fn new(archive: Arc<Archive>, spill: PathBuf) -> Result<Self, QueryError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(2 * WORKERS)
            .thread_name("query")
            .on_thread_start(|| {
                if let Err(error) = rustix::process::nice(NICE) {
                    tracing::debug!("questions run at the same priority as collecting: {error}");
                }
            })
            .enable_time()
            .build()
            .map_err(QueryError::Start)?;
        Ok(Self {
            archive,
            scanner: Arc::new(Scanner::new(spill, MEMORY_BYTES)?),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            gatherings: Gatherings::default(),
            runtime: Some(runtime),
        })
    }

    /// The sums that a request asks for, exact. Of the groups with most those of smaller value come first among equals.
    pub async fn group(&self, request: &Request, control: &Control) -> Result<Groups, QueryError> {
        let _turn = self.turn(control).await?;
        self.answer(request.range, control, |sources, control| {
            let (scanner, request) = (Arc::clone(&self.scanner), request.clone());
            Work::new(scanner, sources, request, control, MEMORY_BYTES / AT_ONCE).answer()
        })
        .await
        .map(|(mut groups, is_partial)| {
            groups.is_partial |= is_partial;
            groups
        })
    }

    /// A page of the flows that pass the filter, newest first; `after` is what the page before said comes next.
    pub async fn flows(
        &self,
        range: TimeRange,
        filter: &Filter,
        rows: usize,
        after: &str,
        control: &Control,
    ) -> Result<Page, QueryError> {
        let wanted = Wanted { range, filter: filter.clone(), rows, after: Cursor::parse(after)? };
        let _turn = self.turn(control).await?;
        self.answer(range, control, |sources, control| {
            wanted.clone().page(Arc::clone(&self.scanner), sources, control)
        })
        .await
        .map(|(page, is_partial)| Page { is_partial, ..page })
    }

    /// Some columns of all flows that pass the filter, and when they were received, in that order.
    pub async fn rows(
        &self,
        range: TimeRange,
        filter: &Filter,
        columns: &[&'static str],
        order: Order,
        control: &Control,
    ) -> Result<Rows, QueryError> {
        let Some(runtime) = &self.runtime else { return Err(QueryError::Cancelled) };
        let snapshot = self.snapshot(range, control).await?;
        let is_partial = Arc::new(AtomicBool::new(snapshot.damaged > 0));
        let (sender, batches) = mpsc::channel(2);
        let mut columns = columns.to_vec();
        columns.push("received");
        let reading = Reading {
            archive: Arc::clone(&self.archive),
            scanner: Arc::clone(&self.scanner),
            turns: Arc::clone(&self.turns),
            sources: sources(&snapshot)?,
            range,
            filter: filter.clone(),
            columns,
            order,
            control: control.clone(),
            rows: sender,
            is_partial: Arc::clone(&is_partial),
        };
        runtime.spawn(reading.run());
        Ok(Rows { batches, is_partial })
    }

    async fn snapshot(&self, range: TimeRange, control: &Control) -> Result<Snapshot, QueryError> {
        let Some(runtime) = &self.runtime else { return Err(QueryError::Cancelled) };
        if control.cancel.is_cancelled() {
            return Err(QueryError::Cancelled);
        }
        let (archive, cancel) = (Arc::clone(&self.archive), control.cancel.clone());
        // Making columns of a full tail takes a while. What was cancelled while it waited for a thread is not made.
        let snapshot =
            runtime.spawn_blocking(move || (!cancel.is_cancelled()).then(|| archive.snapshot(range)));
        let snapshot = snapshot.await.map_err(|error| QueryError::Stopped(error.to_string()))?;
        snapshot.filter(|_| !control.cancel.is_cancelled()).ok_or(QueryError::Cancelled)
    }

    async fn turn(&self, control: &Control) -> Result<OwnedSemaphorePermit, QueryError> {
        Self::turn_of(&self.turns, control).await
    }

    async fn turn_of(turns: &Arc<Semaphore>, control: &Control) -> Result<OwnedSemaphorePermit, QueryError> {
        tokio::select! {
            biased;
            () = control.cancel.cancelled() => Err(QueryError::Cancelled),
            turn = Arc::clone(turns).acquire_owned() => turn.map_err(|_| QueryError::Cancelled),
        }
    }

    /// Works on a question in the threads for it, again without the file when one cannot be read. True beside the
    /// answer when a file was left out.
    async fn answer<T, F>(
        &self,
        range: TimeRange,
        control: &Control,
        work: impl Fn(Vec<Source>, Control) -> F,
    ) -> Result<(T, bool), QueryError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Stop>> + Send + 'static,
    {
        let Some(runtime) = &self.runtime else { return Err(QueryError::Cancelled) };
        let mut snapshot = self.snapshot(range, control).await?;
        let mut is_partial = snapshot.damaged > 0;
        loop {
            let mut inner = control.clone();
            inner.cancel = control.cancel.child_token();
            // Whoever drops this future ends the work.
            let _guard = inner.cancel.clone().drop_guard();
            let answer = runtime.spawn(work(sources(&snapshot)?, inner)).await;
            match answer.map_err(|error| QueryError::Stopped(error.to_string()))? {
                Ok(answer) => return Ok((answer, is_partial)),
                Err(stop) => {
                    let file = stop.left_out(&self.archive)?;
                    snapshot.files.retain(|known| known.path != file.path);
                    is_partial = true;
                }
            }
        }
    }
}

/// The next batch; `None` after the last.
async fn next(
    batches: &mut SendableRecordBatchStream,
    control: &Control,
) -> Result<Option<Result<RecordBatch, DataFusionError>>, Stop> {
    let batch = control.cancel.run_until_cancelled(batches.next()).await;
    batch.ok_or(Stop::Failed(QueryError::Cancelled))
}

/// The files and the tail of a snapshot, the newest first.
fn sources(snapshot: &Snapshot) -> Result<Vec<Source>, DataFusionError> {
    let files = snapshot.files.iter().rev().map(|file| Source::File(Arc::clone(file)));
    Ok(Source::tail(&snapshot.tail)?.into_iter().chain(files).collect())
}
