//! Flow records, batch by batch in no order, for whoever makes something of his own of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use tokio::sync::Semaphore;

use super::scan::Fault;
use super::{AT_ONCE, Queries, QueryError, next};
use crate::model::filter::Filter;
use crate::model::time_range::TimeRange;
use crate::server::history::control::Control;

/// How much is gathered. Each waits for its like only, and not for questions, which may take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// A little, for somebody who looks.
    Glance,
    /// All that there is.
    Reading,
}

/// Adds a batch to what is made, and says whether there is enough.
type Add<G> = fn(&mut G, &RecordBatch) -> Result<ControlFlow<()>, ArrowError>;

/// Who gathers now.
#[derive(Debug)]
pub(super) struct Gatherings {
    glances: Arc<Semaphore>,
    readings: Arc<Semaphore>,
}

impl Default for Gatherings {
    fn default() -> Self {
        let turns = || Arc::new(Semaphore::new(AT_ONCE));
        Self { glances: turns(), readings: turns() }
    }
}

impl Gatherings {
    pub(super) const fn turns(&self, haste: Haste) -> &Arc<Semaphore> {
        match haste {
            Haste::Glance => &self.glances,
            Haste::Reading => &self.readings,
        }
    }
}

impl Queries {
    /// Makes something of some columns of all flows that pass the filter, until it has enough; true beside it when a file
    /// could not be read. When one turns out to be damaged, it begins anew without it. What is made has to bound itself.
    pub async fn gather<G: Send + 'static>(
        &self,
        range: TimeRange,
        filter: &Filter,
        columns: &'static [&'static str],
        (begin, add): (impl Fn() -> G, Add<G>),
        haste: Haste,
        control: &Control,
    ) -> Result<(G, bool), QueryError> {
        let _turn = Self::turn_of(self.gatherings.turns(haste), control).await?;
        self.answer(range, control, |sources, control| {
            let (scanner, filter) = (Arc::clone(&self.scanner), filter.clone());
            let mut gathered = begin();
            async move {
                for source in &sources {
                    let condition = scanner.condition(source, range, &filter);
                    let mut batches =
                        scanner.plan(source, columns, condition)?.execute(0, scanner.context())?;
                    while let Some(batch) = next(&mut batches, &control).await? {
                        let batch = batch.map_err(|error| source.stop_of(error))?;
                        let added = add(&mut gathered, &batch)
                            .map_err(|error| source.stop(Fault::Damaged, error.to_string()))?;
                        if added.is_break() {
                            return Ok(gathered);
                        }
                    }
                }
                Ok(gathered)
            }
        })
        .await
    }
}
