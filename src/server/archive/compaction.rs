//! Puts small neighbouring files of an hour together when the hour is over.
//!
//! The new file holds the positions of all that it replaces, which is how the [start](super::folder) knows after a
//! crash that they are to be removed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::folder::{self, HOUR_MS};
use super::row::{KeptPlace, Row, RowEnd};
use super::row_log::Rows;
use super::sealed::{self, FileError};
use super::segment::range_between;
use super::snapshot::ArchiveFile;
use super::state::SEGMENT_ROWS;
use super::{Archive, columns, lock};
use crate::model::flow_record::FlowDirection;
use crate::model::history::{StoredEnd, StoredFlow};

impl Archive {
    /// Puts one run of files together, if there is one; true if there was.
    pub(super) fn compact(&self, now_ms: i64) -> Result<bool, FileError> {
        let run = {
            let state = lock(&self.state);
            let written = state.active.first_received_ms();
            let busy = [Some(now_ms), Some(now_ms.saturating_sub(HOUR_MS / 30)), written]
                .map(|moment| moment.map(|moment| folder::hour_folder(&self.settings.folder, moment)));
            run_to_compact(&state.files, &busy)
        };
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(false) };
        let mut all = Merged::default();
        for file in &run {
            if let Err(error) = all.add(&file.path) {
                // A file that cannot be opened now may be readable again later; one that makes no sense is not.
                if !matches!(error, FileError::Io(_)) {
                    self.set_aside(file, &error.to_string());
                }
                return Err(error);
            }
        }
        let rows = last.end_position() - first.first_position;
        let range = run.iter().fold(first.range, |sum, file| {
            range_between(
                sum.from_ms.min(file.range.from_ms),
                sum.to_ms.max(file.range.to_ms).saturating_sub(1),
            )
        });
        let hour = first.path.parent().unwrap_or(Path::new(""));
        let path = hour.join(folder::sealed_name(first.first_position, rows, range));
        let file = write_sealed(path, &all.rows, first.first_position, rows, range)?;
        let mut state = lock(&self.state);
        // Retention may have given some of them up meanwhile: then their flows are to go, too.
        let all_there = run.iter().all(|file| state.files.iter().any(|known| Arc::ptr_eq(known, file)));
        if !all_there {
            file.give_up();
            return Ok(true);
        }
        state.files.retain(|known| !run.iter().any(|file| Arc::ptr_eq(known, file)));
        state.files.push(Arc::new(file));
        state.files.sort_by_key(|file| file.first_position);
        drop(state);
        for file in run {
            file.give_up();
        }
        Ok(true)
    }
}

/// Writes a sealed file: beside first, then synced and renamed.
pub(super) fn write_sealed(
    path: PathBuf,
    rows: &Rows,
    first_position: u64,
    count: u64,
    range: crate::model::time_range::TimeRange,
) -> Result<ArchiveFile, FileError> {
    let new = folder::new_path(&path);
    if let Err(error) = sealed::write(&new, rows) {
        // What is left of it takes room that is needed.
        drop(std::fs::remove_file(&new));
        return Err(error);
    }
    std::fs::rename(&new, &path)?;
    folder::sync_folder_of(&path)?;
    let bytes = std::fs::metadata(&path)?.len();
    Ok(ArchiveFile::new(path, range, count, first_position, bytes))
}

/// The first run of at least two files of one hour, next to each other by position, that make at most one full file.
fn run_to_compact(files: &[Arc<ArchiveFile>], busy: &[Option<PathBuf>]) -> Vec<Arc<ArchiveFile>> {
    let follows = |one: &Arc<ArchiveFile>, next: &Arc<ArchiveFile>| {
        one.path.parent() == next.path.parent() && one.end_position() == next.first_position
    };
    for neighbours in files.chunk_by(follows) {
        let hour = neighbours.first().and_then(|file| file.path.parent());
        if busy.iter().any(|busy| busy.as_deref() == hour) {
            continue;
        }
        for begin in 0..neighbours.len() {
            let rest = neighbours.get(begin..).unwrap_or_default();
            let fitting = rest.iter().scan(0_u64, |rows, file| {
                *rows = rows.saturating_add(file.rows);
                Some(*rows)
            });
            let fitting = fitting.take_while(|rows| *rows <= SEGMENT_ROWS).count();
            if fitting > 1 {
                return rest.iter().take(fitting).cloned().collect();
            }
        }
    }
    Vec::new()
}

/// Rows of several files with one legend.
#[derive(Default)]
struct Merged {
    rows: Rows,
    exporters: HashMap<IpAddr, u32, RandomState>,
    places: HashMap<(String, String, String, [u32; 2]), u32, RandomState>,
}

impl Merged {
    fn add(&mut self, path: &Path) -> Result<(), FileError> {
        for batch in sealed::read(path)? {
            for flow in columns::stored_flows(&batch?)? {
                let row = self.row(flow);
                self.rows.rows.push(row);
            }
        }
        Ok(())
    }

    fn row(&mut self, flow: StoredFlow) -> Row {
        let exporters = &mut self.rows.legend.exporters;
        let exporter = *self.exporters.entry(flow.exporter).or_insert_with(|| {
            exporters.push(flow.exporter);
            u32::try_from(exporters.len() - 1).unwrap_or(u32::MAX)
        });
        Row {
            received_ms: flow.received_ms,
            export_delay_ms: flow.received_ms.wrapping_sub(flow.end_ms),
            duration_ms: flow.end_ms.wrapping_sub(flow.start_ms),
            source: self.end(flow.source),
            destination: self.end(flow.destination),
            bytes: flow.bytes,
            packets: flow.packets,
            exporter,
            observation_domain: flow.observation_domain,
            sampling_interval: flow.sampling_interval,
            icmp_type_code: flow.icmp_type_code,
            tcp_flags: flow.tcp_flags,
            vlan: flow.vlan,
            protocol: flow.protocol,
            type_of_service: flow.type_of_service,
            flow_end_reason: flow.flow_end_reason,
            time_source: flow.time_source as u8,
            sampling_source: flow.sampling_source as u8,
            direction: u8::try_from(flow.direction.index()).unwrap_or(u8::MAX),
            is_reverse: flow.is_reverse,
            flow_direction: match flow.flow_direction {
                Some(FlowDirection::Ingress) => 0,
                Some(FlowDirection::Egress) => 1,
                None => 2,
            },
        }
    }

    fn end(&mut self, end: StoredEnd) -> RowEnd {
        let coordinates = end.latitude.zip(end.longitude);
        let bits = coordinates
            .map_or([u32::MAX; 2], |(latitude, longitude)| [latitude.to_bits(), longitude.to_bits()]);
        let country = end.country.map(|country| country.to_string()).unwrap_or_default();
        let places = &mut self.rows.legend.places;
        let place =
            *self.places.entry((country, end.region.clone(), end.city.clone(), bits)).or_insert_with(|| {
                places.push(KeptPlace {
                    country: end.country,
                    region: end.region,
                    city: end.city,
                    coordinates,
                });
                u32::try_from(places.len() - 1).unwrap_or(u32::MAX)
            });
        RowEnd {
            address: end.address,
            port: end.port,
            mask: end.mask,
            interface: end.interface,
            as_number: end.as_number,
            place,
        }
    }
}
