//! The account of the flow records that the history was handed: where each of them is.

use crate::model::history::HistoryStatus;

/// What became of the flow records since the process started.
///
/// ```text
/// offered = handed + dropped
/// handed  = waiting + unwritten + stored + lost to a full disk + lost to errors
/// ```
///
/// `offered` are the flow records that the collector counts. `stored` comes from positions in the archive and `handed`
/// from the workers: neither is made of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Handed over by the collecting threads.
    pub handed: u64,
    /// Dropped by them because the queue was full.
    pub dropped: u64,
    /// In the queue.
    pub waiting: u64,
    /// With the recorder, not on disk yet.
    pub unwritten: u64,
    /// On disk, and there after whatever comes.
    pub stored: u64,
    /// Left out because the disk had too little free space.
    pub lost_disk_full: u64,
    /// Lost because the disk failed.
    pub lost_disk_error: u64,
    /// What the process before this one was handed and had not stored when it was killed.
    pub lost_at_crash: u64,
}

impl Account {
    /// Flow records that are nowhere, or somewhere twice: 0 when the account is right and nothing is on its way
    /// between two threads.
    pub const fn imbalance(&self) -> u64 {
        let known = self.waiting + self.unwritten + self.stored + self.lost_disk_full + self.lost_disk_error;
        self.handed.abs_diff(known)
    }

    /// Lost since the process started, for whatever reason.
    pub const fn lost(&self) -> u64 {
        self.dropped + self.lost_disk_full + self.lost_disk_error
    }

    /// What the status says of it.
    pub fn show(&self, status: &mut HistoryStatus) {
        status.stored = self.stored;
        status.lost = self.lost();
        status.lost_at_crash = self.lost_at_crash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_record_that_is_nowhere_or_twice_shows() {
        let account = Account {
            handed: 100,
            dropped: 7,
            waiting: 10,
            unwritten: 20,
            stored: 60,
            lost_disk_full: 6,
            lost_disk_error: 4,
            lost_at_crash: 3,
        };
        assert_eq!((account.imbalance(), account.lost()), (0, 17));
        assert_eq!(Account { stored: 59, ..account }.imbalance(), 1);
        assert_eq!(Account { waiting: 12, ..account }.imbalance(), 2);
    }
}
