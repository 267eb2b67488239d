//! Metrics of replays: how many are watched, and what is read for them.

use std::fmt;

use super::{Scrape, Writer};

impl Scrape {
    pub(super) fn replay(&self, writer: &mut Writer) -> fmt::Result {
        let replays = self.replays.metrics();
        writer.gauge("replays", "Replays watched now", replays.active())?;
        for (name, help, value) in [
            ("replays_begun", "Replays that began", replays.begun()),
            ("replays_refused", "Replays refused: too many, or asked for wrongly", replays.refused()),
            ("replay_frames", "Frames of replays made for clients", replays.frames()),
            ("replay_moments", "Moments of replays made for clients", replays.moments()),
            ("replay_flows", "Flow records that passed in frames of replays", replays.flows()),
            ("replay_pieces", "Pieces of the past read for replays", replays.pieces()),
            ("replay_rows", "Flow records and sums read for replays", replays.rows()),
            (
                "replay_readings_abandoned",
                "Readings given up because the client had gone elsewhere",
                replays.abandoned(),
            ),
            ("replay_readings_failed", "Readings that failed", replays.failed()),
        ] {
            writer.counter(name, help, value)?;
        }
        Ok(())
    }
}
