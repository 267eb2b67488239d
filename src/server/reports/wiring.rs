//! What the service is put together from in a running process.

use std::sync::Arc;

use super::pdf::{self, Look};
use super::{Clock, Maker, PdfWriter, Shelf, content};
use crate::server::collector::socket::now_us;
use crate::server::config::reports::ReportSettings;
use crate::server::context::Context;
use crate::server::history::answers::History;

/// The clock of the machine.
pub fn clock() -> Clock {
    Arc::new(|| now_us() / 1_000)
}

/// The store of the history, as soon as that is open.
pub fn shelf(history: &Arc<History>) -> Shelf {
    let history = Arc::clone(history);
    Arc::new(move || history.tiers().map(|tiers| Arc::clone(tiers.store())))
}

/// Makes reports from the history.
pub fn maker(context: &Arc<Context>) -> Maker {
    let context = Arc::clone(context);
    Arc::new(move |question, now_ms| {
        let context = Arc::clone(&context);
        Box::pin(async move { content::make(context.history(), &context.naming(), &question, now_ms).await })
    })
}

/// Makes PDFs as the configuration wants them to look.
pub fn pdf_writer(settings: &ReportSettings) -> PdfWriter {
    let look = Look::of(settings);
    Arc::new(move |report| Ok(pdf::write(report, &look)?))
}
