//! Metrics of reports: how many were written and sent.

use std::fmt;

use super::{Scrape, Writer};

impl Scrape {
    pub(super) fn reports(&self, writer: &mut Writer) -> fmt::Result {
        let counts = self.written.counts();
        writer.counters(
            "reports",
            "Tries to make a report since the start, by result",
            counts.reports().map(|(result, count)| ([("result", result)], count)),
        )?;
        writer.time("reports_making", "Time that making reports took", counts.making())?;
        writer.counters(
            "report_deliveries",
            "Tries to send a report since the start, by kind and result",
            counts.deliveries().map(|(kind, result, count)| ([("kind", kind), ("result", result)], count)),
        )
    }
}
