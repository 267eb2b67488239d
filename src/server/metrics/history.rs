//! Metrics of the history: where the flow records are that it was handed, and what the tiers hold.

use std::fmt;

use super::{Scrape, Writer};

impl Scrape {
    /// Nothing when no history is kept.
    pub(super) fn history(&self, writer: &mut Writer) -> fmt::Result {
        let Some(account) = &self.history else { return Ok(()) };
        writer.counter(
            "history_handed",
            "Flow records handed to the history by the collecting threads",
            account.handed,
        )?;
        writer.counter(
            "history_stored",
            "Flow records on disk since the start, as the archive's positions say",
            account.stored,
        )?;
        let waiting = [("queue", account.waiting), ("unwritten", account.unwritten)];
        writer.gauges(
            "history_waiting",
            "Flow records on their way to the disk: in the queue, or taken and not durable yet",
            waiting.map(|(place, count)| ([("place", place)], count)),
        )?;
        let lost = [
            ("queue_full", account.dropped),
            ("disk_full", account.lost_disk_full),
            ("disk_error", account.lost_disk_error),
            ("crash", account.lost_at_crash),
        ];
        writer.counters(
            "history_lost",
            "Flow records that are not in the history; crash: those of the process before this one, which was killed",
            lost.map(|(reason, count)| ([("reason", reason)], count)),
        )?;
        writer.gauge(
            "history_unaccounted",
            "handed - waiting - stored - lost on disk: 0, or flow records were lost or doubled without being counted",
            account.imbalance(),
        )?;
        writer.gauge(
            "history_storing",
            "1 while what comes is stored",
            self.history_status.is_storing.into(),
        )?;
        writer.gauge("history_free_bytes", "Free bytes of the disk", self.history_status.free_bytes)?;
        writer.counter("history_seals", "Full row logs that became sealed files", self.seals.files)?;
        writer.counter("history_sealed_rows", "Flow records in them", self.seals.rows)?;
        writer.time("history_seal", "Time that sealing took", self.seals.took)?;
        let tiers = &self.history_status.tiers;
        writer.gauges(
            "history_bytes",
            "Bytes on disk, by tier",
            tiers.iter().map(|tier| ([("tier", tier.tier.label())], tier.bytes)),
        )?;
        writer.gauges(
            "history_rows",
            "Flow records in the archive, and rows of sums, by tier",
            tiers.iter().map(|tier| ([("tier", tier.tier.label())], tier.rows)),
        )
    }
}
