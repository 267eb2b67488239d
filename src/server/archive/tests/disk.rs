use std::process::Command;

use super::*;

/// A small disk of its own, as long as it lives.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, with a word, where nobody may mount.
    fn new(kibibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={kibibytes}k");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        if !mount.is_ok_and(|output| output.status.success()) {
            println!("skipped: a small disk cannot be mounted here; run the tests as root");
            return None;
        }
        Some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg("-l").arg(self.0.path()).status().unwrap().success());
    }
}

#[test]
fn a_full_disk_stops_storing_and_nothing_acknowledged_is_lost_when_it_has_room_again() {
    let Some(disk) = SmallDisk::new(1_024) else { return };
    let folder = disk.0.path().join("archive");
    let mut kept = Kept::open(&folder);
    kept.append(100, HOUR);
    assert_eq!(kept.archive.flush(HOUR).unwrap(), 100);
    // Somebody else fills the disk.
    let ballast = disk.0.path().join("ballast");
    assert!(fs::write(&ballast, vec![1; 2 << 20]).is_err());

    kept.append(5_000, HOUR);
    assert!(matches!(kept.archive.flush(HOUR), Err(ArchiveError::Log(_))));
    let refused = flows(&mut Rng::with_seed(1), 7, HOUR);
    let error = kept.archive.append(&refused).unwrap_err();
    assert!(matches!(error, ArchiveError::NotStored { lost: 7, .. }), "{error}");
    let status = kept.archive.status();
    assert_eq!((status.is_storing, status.stored, status.lost), (false, 100, 7));
    assert!(status.notices[0].contains("make room"), "{:?}", status.notices);
    // What waits can be read, and a crash now has what was acknowledged.
    assert_same(stored(&kept.archive), &kept.truth);
    let crashed = copied(&folder);
    assert_same(stored(&Archive::open(settings(crashed.path()), HOUR).unwrap()), &kept.truth[..100]);

    fs::remove_file(&ballast).unwrap();
    assert_eq!(kept.archive.flush(HOUR).unwrap(), 5_100);
    let status = kept.archive.status();
    assert_eq!((status.is_storing, status.stored, status.notices.len()), (true, 5_100, 0));
    kept.append(10, HOUR);

    // No room to seal: the log is whole, and it is sealed when there is room.
    kept.close();
    assert!(fs::write(&ballast, vec![1; 2 << 20]).is_err());
    kept.keep();
    assert!(kept.archive.snapshot(EVER).files.is_empty());
    assert!(kept.archive.status().notices[0].contains("make room"));
    assert_same(stored(&kept.archive), &kept.truth);
    fs::remove_file(&ballast).unwrap();
    kept.keep();
    assert_eq!(kept.archive.snapshot(EVER).files.len(), 1);
    assert_eq!(kept.archive.status().notices.len(), 0);
    assert_same(stored(&kept.archive), &kept.truth);
    assert!(files_below(&folder).iter().all(|path| path.extension().is_none_or(|ending| ending != "new")));
}

#[test]
fn when_segments_cannot_be_sealed_the_tail_is_bounded_and_what_is_too_much_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    // A file stands where the folder of the day has to be.
    fs::write(folder.path().join("date=2026-11-23"), "").unwrap();
    for _ in 0..4 {
        kept.append(10, HOUR);
        kept.close();
        kept.keep();
    }
    let status = kept.archive.status();
    assert!(status.is_storing && status.notices.len() == 1, "{status:?}");
    assert_eq!(lock(&kept.archive.state).waiting.len(), MOST_WAITING);
    assert_same(stored(&kept.archive), &kept.truth);
    fs::remove_file(folder.path().join("date=2026-11-23")).unwrap();
    kept.keep();
    assert_same(stored(&kept.archive), &kept.truth);
    assert_eq!(kept.archive.status().notices, Vec::<String>::new());
}

#[test]
fn a_damaged_file_is_set_aside_and_told_of_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    for hour in 0..3 {
        kept.append(50, HOUR + hour * HOUR_MS);
        kept.close();
        kept.keep();
    }
    let files = kept.archive.snapshot(EVER).files;
    drop(kept.archive);
    let bytes = fs::read(&files[1].path).unwrap();
    fs::write(&files[1].path, &bytes[..bytes.len() - 5]).unwrap();
    let archive = Archive::open(settings(folder.path()), HOUR).unwrap();
    let snapshot = archive.snapshot(EVER);
    assert_eq!((snapshot.files.len(), snapshot.damaged), (2, 1));
    assert_eq!(archive.snapshot(TimeRange { from_ms: HOUR, to_ms: HOUR + 1_000 }).damaged, 0);
    assert!(archive.status().notices[0].contains(".damaged"), "{:?}", archive.status().notices);

    // Damage that only a reader sees.
    archive.set_aside(&snapshot.files[0], "test");
    assert_eq!(archive.snapshot(EVER).damaged, 2);
    drop(archive);
    let archive = Archive::open(settings(folder.path()), HOUR).unwrap();
    assert_eq!((archive.snapshot(EVER).files.len(), archive.snapshot(EVER).damaged), (1, 2));
}

#[test]
fn old_hours_are_given_up_by_age_and_a_reader_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.archive.settings.keep_s = Some(2 * 3_600);
    for hour in 0..4 {
        kept.append(20, HOUR + hour * HOUR_MS);
        kept.close();
        kept.keep();
    }
    let held = kept.archive.snapshot(EVER);
    assert_eq!(held.files.len(), 4);
    let later = Instant::now() + Duration::from_hours(1);
    kept.archive.keep(HOUR + 4 * HOUR_MS, later);
    assert_eq!(kept.archive.snapshot(EVER).files.len(), 2);
    assert_same(all_of(&held), &kept.truth);
    let paths: Vec<_> = held.files.iter().map(|file| file.path.clone()).collect();
    drop(held);
    assert_eq!(paths.iter().map(|path| path.exists()).collect::<Vec<_>>(), [false, false, true, true]);
    // The folder of an hour that is empty goes too, at the latest with the next start.
    drop(kept);
    drop(Kept::open(folder.path()));
    assert!(!paths[0].parent().unwrap().exists());
}

#[test]
fn old_hours_are_given_up_by_bytes_the_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    for hour in 0..4 {
        kept.append(20, HOUR + hour * HOUR_MS);
        kept.close();
        kept.keep();
    }
    let files = kept.archive.snapshot(EVER).files;
    kept.archive.settings.keep_bytes = Some(files[2].bytes + files[3].bytes);
    drop(files);
    kept.keep();
    let left: Vec<u64> = kept.archive.snapshot(EVER).files.iter().map(|file| file.first_position).collect();
    assert_eq!(left, [40, 60]);
    assert_eq!(
        files_below(folder.path())
            .iter()
            .filter(|path| path.extension().is_some_and(|ending| ending == "parquet"))
            .count(),
        2
    );
}

#[test]
fn a_disk_with_too_little_room_costs_old_hours_one_at_a_time_and_then_stops_storing() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    for hour in [0, 1, 30, 31] {
        kept.append(20, HOUR + hour * HOUR_MS);
        kept.close();
        kept.keep();
    }
    kept.archive.settings.min_free_bytes = u64::MAX;
    let left = |kept: &Kept| {
        kept.keep();
        (kept.archive.snapshot(EVER).files.len(), kept.archive.status().is_storing)
    };
    assert_eq!(left(&kept), (3, true));
    assert_eq!(left(&kept), (2, true));
    assert_eq!(left(&kept), (2, false));
    assert!(kept.archive.status().notices[0].contains("min_free_bytes"));
    kept.archive.settings.min_free_bytes = 0;
    assert_eq!(left(&kept), (2, true));
}

#[test]
fn a_clock_that_is_ten_years_ahead_for_an_hour_costs_at_most_a_day_of_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.archive.settings.keep_s = Some(30 * 86_400);
    for day in (0..30).rev().step_by(3) {
        kept.append(20, HOUR - day * 24 * HOUR_MS);
        kept.close();
        kept.keep();
    }
    let begin = Instant::now();
    let ahead = HOUR + 10 * 365 * 24 * HOUR_MS;
    kept.append(20, ahead);
    kept.close();
    for minute in 1..=60 {
        kept.archive.keep(ahead, begin + Duration::from_mins(minute));
    }
    assert!(kept.archive.snapshot(EVER).files.len() >= 10);
    // Back again, and what was received ahead is there, too.
    kept.archive.keep(HOUR, begin + Duration::from_hours(1));
    kept.append(20, HOUR);
    kept.close();
    kept.archive.keep(HOUR, begin + Duration::from_mins(61));
    let future = TimeRange { from_ms: ahead, to_ms: ahead + 1_000 };
    assert_eq!(kept.archive.snapshot(future).files.len(), 1);
    drop(kept.archive);
    assert_eq!(Archive::open(settings(folder.path()), HOUR).unwrap().snapshot(future).files.len(), 1);
}

#[test]
fn a_clock_that_jumps_with_every_batch_makes_no_segment_of_a_few_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    for round in 0..50 {
        let moment = if round % 2 == 0 { HOUR } else { HOUR - 10 * 365 * 24 * HOUR_MS };
        kept.append(20, moment);
        kept.archive.flush(moment).unwrap();
    }
    assert_eq!(lock(&kept.archive.state).waiting.len(), 0);
    kept.close();
    kept.keep();
    let files = kept.archive.snapshot(EVER).files;
    assert_eq!(files.len(), 1);
    assert!(files[0].range.contains(HOUR + 1) || files[0].range.to_ms > HOUR);
    assert_same(stored(&kept.archive), &kept.truth);
}

#[test]
fn growth_is_told_by_the_files_of_the_last_day_and_not_from_less_than_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.append(20, HOUR);
    kept.close();
    kept.keep();
    assert_eq!(kept.archive.status().bytes_per_day, None);
    for hour in [24, 30, 36] {
        kept.append(20, HOUR + hour * HOUR_MS);
        kept.close();
        kept.keep();
    }
    let status = kept.archive.status();
    let files = kept.archive.snapshot(EVER).files;
    let bytes: u64 = files[1..].iter().map(|file| file.bytes).sum();
    // Three files in twelve hours and a moment.
    assert!((2 * bytes - bytes / 100..=2 * bytes).contains(&status.bytes_per_day.unwrap()));
    assert_eq!((status.tier.rows, status.tier.range.unwrap().from_ms / HOUR_MS), (80, HOUR / HOUR_MS));
}
