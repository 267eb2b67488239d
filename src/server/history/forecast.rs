//! What the disk will hold, if the days to come are like the last one.

use crate::model::history::Forecast;

const DAY_MS: u64 = 86_400_000;

/// What the forecast goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Bytes that the archive grows by in a day.
    pub bytes_per_day: u64,
    /// Bytes of the archive now.
    pub archive_bytes: u64,
    /// Bytes of the sums now.
    pub store_bytes: u64,
    /// Bytes that may still be stored: free, without what is left free.
    pub room_bytes: u64,
}

/// What the disk will hold when flow records are kept for so many days, up to so many bytes.
#[expect(clippy::cast_precision_loss, reason = "days to look at")]
pub fn forecast(growth: Growth, keep_days: u32, keep_bytes: u64, now_ms: i64) -> Forecast {
    let Growth { bytes_per_day, .. } = growth;
    let by_age = bytes_per_day.saturating_mul(u64::from(keep_days));
    let archive_bytes = by_age.min(keep_bytes);
    let archive_days =
        if by_age <= keep_bytes { f64::from(keep_days) } else { keep_bytes as f64 / bytes_per_day as f64 };
    let missing = archive_bytes.saturating_sub(growth.archive_bytes);
    let disk_full_ms = (missing > growth.room_bytes).then(|| {
        let in_ms = u128::from(growth.room_bytes) * u128::from(DAY_MS) / u128::from(bytes_per_day.max(1));
        now_ms.saturating_add(i64::try_from(in_ms).unwrap_or(i64::MAX))
    });
    let bytes = archive_bytes.saturating_add(growth.store_bytes);
    Forecast { bytes_per_day, archive_days, bytes, disk_full_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROWTH: Growth =
        Growth { bytes_per_day: 2_000, archive_bytes: 5_000, store_bytes: 300, room_bytes: 1_000_000 };

    #[test]
    fn the_archive_reaches_back_as_far_as_its_days_or_its_bytes_allow() {
        let by_age = forecast(GROWTH, 30, 1 << 30, 0);
        assert_eq!((by_age.bytes_per_day, by_age.bytes, by_age.disk_full_ms), (2_000, 60_300, None));
        assert!((by_age.archive_days - 30.0).abs() < 1e-9);
        let by_bytes = forecast(GROWTH, 30, 10_000, 0);
        assert!((by_bytes.archive_days - 5.0).abs() < 1e-9);
        assert_eq!((by_bytes.bytes, by_bytes.disk_full_ms), (10_300, None));
    }

    #[test]
    fn a_disk_that_is_full_before_old_flows_expire_is_foretold() {
        let forecast = forecast(Growth { room_bytes: 4_000, ..GROWTH }, 30, 1 << 30, 1_000);
        assert_eq!(forecast.disk_full_ms, Some(1_000 + 2 * DAY_MS.cast_signed()));
    }

    #[test]
    fn numbers_beyond_all_measure_do_not_overflow() {
        let growth = Growth { bytes_per_day: u64::MAX, room_bytes: 0, ..GROWTH };
        assert_eq!(forecast(growth, u32::MAX, u64::MAX, i64::MAX).disk_full_ms, Some(i64::MAX));
        let idle = Growth { bytes_per_day: 0, ..growth };
        assert_eq!(forecast(idle, 30, 1 << 30, 0).disk_full_ms, None);
    }
}
