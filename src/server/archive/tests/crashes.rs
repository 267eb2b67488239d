use super::*;
use crate::server::archive::columns::Texts;
use crate::server::archive::row_log::Rows;

/// Opens a folder as it is after a crash and checks that every flow is there once, before and after sealing.
#[track_caller]
fn assert_survives(folder: &Path, truth: &[StoredFlow]) {
    for _ in 0..2 {
        let archive = Archive::open(settings(folder), HOUR).unwrap();
        assert_same(stored(&archive), truth);
        assert_eq!(archive.status().notices, Vec::<String>::new());
        archive.keep(HOUR, Instant::now());
        assert_same(stored(&archive), truth);
        assert_eq!(positions(&archive), truth.len() as u64);
    }
}

/// The next position; checks that files and log have no gap.
#[track_caller]
fn positions(archive: &Archive) -> u64 {
    let state = lock(&archive.state);
    let segments = state.waiting.front().map_or(&state.active.segment, AsRef::as_ref);
    let mut next = state.files.first().map_or(segments.first_position, |file| file.first_position);
    for file in &state.files {
        assert_eq!(file.first_position, next);
        next = file.end_position();
    }
    for segment in &state.waiting {
        assert_eq!(segment.first_position, next);
        next = segment.end_position();
    }
    assert_eq!(state.active.segment.first_position, next);
    state.active.end_position()
}

#[test]
fn a_crash_at_any_step_of_sealing_neither_loses_nor_doubles_a_flow() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.append(500, HOUR);
    kept.archive.flush(HOUR).unwrap();
    assert_survives(copied(folder.path()).path(), &kept.truth);
    kept.close();
    kept.append(70, HOUR);
    kept.archive.flush(HOUR).unwrap();
    let before = copied(folder.path());
    kept.keep();
    let after = copied(folder.path());
    let name = |path: &Path| {
        files_below(path).into_iter().find(|path| path.extension().is_some_and(|ending| ending == "parquet"))
    };
    let sealed = name(after.path()).unwrap();
    let bytes = fs::read(&sealed).unwrap();
    let below = sealed.strip_prefix(after.path()).unwrap();

    // While the file is written, with its name after a rename, and without its log.
    assert_survives(copied(before.path()).path(), &kept.truth);
    for cut in (0..bytes.len()).step_by(997).chain([bytes.len()]) {
        let crashed = copied(before.path());
        let written = crashed.path().join(below).with_extension("new");
        fs::create_dir_all(written.parent().unwrap()).unwrap();
        fs::write(&written, &bytes[..cut]).unwrap();
        assert_survives(crashed.path(), &kept.truth);
        assert!(!written.exists());
    }
    let crashed = copied(after.path());
    assert_survives(crashed.path(), &kept.truth);
    kept.archive.covered(570).unwrap();
    kept.keep();
    let crashed = copied(folder.path());
    assert_eq!(files_below(&folder::tail_folder(crashed.path())).len(), 1);
    assert_survives(crashed.path(), &kept.truth);
}

#[test]
fn a_log_that_was_cut_at_any_byte_of_its_last_frame_has_all_that_was_flushed_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.append(60, HOUR);
    assert_eq!(kept.archive.flush(HOUR).unwrap(), 60);
    let acknowledged = kept.truth.clone();
    let path = folder::log_path(folder.path(), 0);
    let whole = fs::metadata(&path).unwrap().len();
    kept.append(5, HOUR);
    assert_eq!(kept.archive.flush(HOUR).unwrap(), 65);
    drop(kept);
    let bytes = fs::read(&path).unwrap();
    for cut in usize::try_from(whole).unwrap()..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let crashed = copied(folder.path());
        let archive = Archive::open(settings(crashed.path()), HOUR).unwrap();
        assert_same(stored(&archive), &acknowledged);
        let is_torn = cut as u64 > whole;
        assert_eq!(archive.status().notices.len(), usize::from(is_torn));
        assert_eq!(archive.status().lost_at_crash, if cut as u64 >= whole + 8 { 5 } else { 0 });
        assert_eq!(positions(&archive), 60);
    }
}

#[test]
fn a_log_with_any_byte_flipped_is_read_up_to_the_damage_and_opening_never_fails() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    for _ in 0..3 {
        kept.append(10, HOUR);
        kept.archive.flush(HOUR).unwrap();
    }
    let truth = kept.truth.clone();
    drop(kept);
    let path = folder::log_path(folder.path(), 0);
    let bytes = fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        let log = folder::log_path(folder.path(), 0);
        fs::write(&log, damaged).unwrap();
        let read = row_log::read_file(File::open(&log).unwrap(), 0).unwrap();
        let rows: u32 = read.frames.iter().map(|frame| frame.rows).sum();
        assert!(rows < 30 && rows.is_multiple_of(10) && read.torn_bytes > 0);
        let rows = Rows::of(&read.frames).unwrap();
        let columns = Texts::new(&rows.legend).batch(&rows.rows, &rows.legend).unwrap();
        assert_eq!(columns::stored_flows(&columns).unwrap(), truth[..rows.rows.len()]);
    }
}

#[test]
fn a_crash_at_any_step_of_putting_files_together_neither_loses_nor_doubles_a_flow() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    for round in 0..4 {
        kept.append(100 + round, HOUR);
        kept.close();
        kept.keep();
    }
    kept.archive.covered(406).unwrap();
    kept.keep();
    assert_eq!(kept.archive.snapshot(EVER).files.len(), 4);
    let before = copied(folder.path());
    // An hour later the hour is over.
    kept.archive.keep(HOUR + 2 * HOUR_MS, Instant::now());
    let snapshot = kept.archive.snapshot(EVER);
    let [file] = snapshot.files.as_slice() else { panic!("they are not one file") };
    assert_eq!((file.first_position, file.rows), (0, 406));
    assert_same(all_of(&snapshot), &kept.truth);

    let below = file.path.strip_prefix(folder.path()).unwrap();
    let crashed = copied(before.path());
    fs::copy(&file.path, crashed.path().join(below).with_extension("new")).unwrap();
    assert_survives(crashed.path(), &kept.truth);
    let replaced: Vec<_> = files_below(before.path())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "parquet"))
        .collect();
    for removed in 0..=replaced.len() {
        let crashed = copied(before.path());
        fs::copy(&file.path, crashed.path().join(below)).unwrap();
        for path in &replaced[..removed] {
            fs::remove_file(crashed.path().join(path.strip_prefix(before.path()).unwrap())).unwrap();
        }
        assert_survives(crashed.path(), &kept.truth);
        assert_eq!(Archive::open(settings(crashed.path()), HOUR).unwrap().snapshot(EVER).files.len(), 1);
    }
}

#[test]
fn positions_go_on_after_a_restart_even_when_everything_has_expired() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.append(300, HOUR);
    kept.close();
    kept.keep();
    kept.archive.covered(300).unwrap();
    kept.keep();
    drop(kept);
    for path in files_below(folder.path()) {
        if path.extension().is_some_and(|ending| ending == "parquet") {
            fs::remove_file(path).unwrap();
        }
    }
    let mut kept = Kept::open(folder.path());
    assert_eq!(positions(&kept.archive), 300);
    // The rollups may know more than a damaged log gave back.
    kept.archive.covered(1_000).unwrap();
    kept.append(1, HOUR);
    assert_eq!(positions(&kept.archive), 1_001);
}
