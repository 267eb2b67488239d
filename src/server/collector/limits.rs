//! Bounds on what the network may make the collector keep, and what a bound costs whom.

/// Exporters at their own bounds that every worker has room for.
const LEAST_EXPORTERS: usize = 4;

/// Bounds on what the network may make the collector keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Exporters known at a time.
    pub exporters: usize,
    /// Source ports × protocols × observation domains of one exporter. One more takes the place of the one
    /// longest silent.
    pub sessions_per_exporter: usize,
    /// Sessions of all exporters, about 2 kB each. When there are as many, an exporter has four at most, or those
    /// it has already.
    pub sessions: usize,
    /// Templates of one exporter.
    pub templates_per_exporter: usize,
    /// Fields in one template.
    pub fields_per_template: usize,
    /// Fields in the templates of one exporter; each template counts as 16 more. 200 templates of 60 fields
    /// fit.
    pub template_weight_per_exporter: usize,
    /// The same of all exporters. When one was refused for it, [`expire`](super::intake::Intake::expire)
    /// makes a quarter of it free: exporters without flow records lose their templates, the heaviest first,
    /// then all keep an equal share at most, the templates used last. Exporters with connections lose none, unless
    /// they have more than half of the rest.
    pub template_weight: usize,
    /// Flow records made of one datagram's sets, far more than a real datagram holds; the rest of the set is
    /// left out. Sets that waited add as many to a call at most, and the others follow in later calls.
    pub flows_per_datagram: u64,
    /// Bytes of all data sets that wait for a template.
    pub pending_bytes: usize,
    /// The same of one exporter.
    pub pending_bytes_per_exporter: usize,
    /// How long a data set waits for its template, microseconds.
    pub pending_us: i64,
    /// A full table that had to refuse an exporter forgets those silent so long, microseconds: all that never
    /// sent a flow record, then those that sent the fewest datagrams, until an eighth of it is free.
    pub idle_us: i64,
    /// Weight of what the options records of one exporter said, bytes; a quarter is for samplers alone. What
    /// finds no room is not kept, and counted. Some 6,000 names fit.
    pub options_weight_per_exporter: usize,
    /// The same of all exporters, once more for what pages show, and once more for what is being saved. When something
    /// was refused for it, [`expire`](super::intake::Intake::expire) makes a quarter of it free: exporters without flow
    /// records lose all, then those with most lose their names.
    pub options_weight: usize,
    /// Data sources (interfaces) of one sFlow agent that are followed by their sequence numbers. More are
    /// decoded all the same, but what is missing of them is not seen; when that happened, those silent for
    /// `idle_us` are forgotten.
    pub data_sources_per_exporter: usize,
    /// The same of all agents.
    pub data_sources: u64,
    /// Flows whose owner is known to rules that count the first exporter's report, 16 bytes each. In a full
    /// bucket of eight the one to expire first is replaced, and counted. Not divided among workers: one has the groups.
    pub owned_flows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            exporters: 4096,
            sessions_per_exporter: 256,
            sessions: 1 << 14,
            templates_per_exporter: 512,
            fields_per_template: 256,
            template_weight_per_exporter: 1 << 14,
            template_weight: 1 << 20,
            flows_per_datagram: 1 << 14,
            pending_bytes: 16 << 20,
            pending_bytes_per_exporter: 1 << 20,
            pending_us: 600_000_000,
            idle_us: 60_000_000,
            options_weight_per_exporter: 1 << 20,
            options_weight: 64 << 20,
            data_sources_per_exporter: 4096,
            data_sources: 1 << 15,
            owned_flows: 1 << 21,
        }
    }
}

impl Limits {
    /// The part of one of so many workers: what bounds all exporters together is divided, what bounds one is not.
    /// Every part has room for a few exporters at their bounds, so that none can take the room of all others.
    #[must_use]
    pub fn divided(self, workers: usize) -> Self {
        let part = |whole: usize, of_one: usize| {
            whole.div_ceil(workers.max(1)).max(of_one.saturating_mul(LEAST_EXPORTERS).min(whole))
        };
        let sources =
            part(usize::try_from(self.data_sources).unwrap_or(usize::MAX), self.data_sources_per_exporter);
        Self {
            exporters: part(self.exporters, 1),
            template_weight: part(self.template_weight, self.template_weight_per_exporter),
            sessions: part(self.sessions, self.sessions_per_exporter),
            pending_bytes: part(self.pending_bytes, self.pending_bytes_per_exporter),
            options_weight: part(self.options_weight, self.options_weight_per_exporter),
            data_sources: sources as u64,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_exporter_can_take_the_room_of_all_others_however_many_workers_there_are() {
        let whole = Limits::default();
        assert_eq!(whole.divided(1), whole);
        for workers in [2, 8, 64] {
            let part = whole.divided(workers);
            assert!(part.exporters * workers >= whole.exporters);
            assert!(part.sessions >= 4 * part.sessions_per_exporter);
            assert!(part.template_weight >= 4 * part.template_weight_per_exporter);
            assert!(part.pending_bytes >= 4 * part.pending_bytes_per_exporter);
            assert!(part.options_weight >= 4 * part.options_weight_per_exporter);
            assert!(part.data_sources >= 4 * part.data_sources_per_exporter as u64);
        }
    }
}
