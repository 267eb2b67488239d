//! Flow records, batch by batch in no order, for whoever makes something of his own of them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::scan::Fault;
use super::{Queries, QueryError, next};
use crate::model::filter::Filter;
use crate::model::time_range::TimeRange;
use crate::server::history::control::Control;

impl Queries {
    /// Makes something of some columns of all flows that pass the filter; true beside it when a file could not be read.
    /// When one turns out to be damaged, it begins anew without it. What is made has to bound itself.
    pub async fn gather<G: Send + 'static>(
        &self,
        range: TimeRange,
        filter: &Filter,
        columns: &'static [&'static str],
        begin: impl Fn() -> G,
        add: fn(&mut G, &RecordBatch) -> Result<(), ArrowError>,
        control: &Control,
    ) -> Result<(G, bool), QueryError> {
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
                        add(&mut gathered, &batch)
                            .map_err(|error| source.stop(Fault::Damaged, error.to_string()))?;
                    }
                }
                Ok(gathered)
            }
        })
        .await
    }
}
