//! `meridian import`: export datagrams of capture files, through the same [`Intake`] as live ones.
//!
//! [`read_ahead`] reads and inflates on a thread of its own, [`capture_file`] finds the packets, [`link`],
//! [`datagrams`] and [`fragments`] the export datagrams in them. The capture's clock is the receive time. What comes
//! out is located, summed up ([`tops`], [`summary`]), and handed to the history unless only the sums are wanted.
//!
//! No file makes it panic or hold more than a few megabytes beside what the [`Intake`] bounds.

pub mod capture_file;
pub mod datagrams;
pub mod fragments;
pub mod link;
mod progress;
pub mod read_ahead;
pub mod summary;
pub mod tops;
pub mod window;

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use self::capture_file::{CaptureFile, Fault};
use self::datagrams::Datagrams;
use self::progress::Progress;
use self::read_ahead::ReadAhead;
use self::summary::{ExporterSummary, FileSummary, Kept, MOST_TOPS, Summary, Totals};
use self::tops::Tops;
use super::collector::batch::{FlowBatch, SpareRoom};
use super::collector::intake::Intake;
use super::geolocation::Geolocation;
use super::history::recorder::Recorder;
use crate::model::flow_record::FlowRecord;
use crate::model::time_range::TimeRange;

/// Packets between looks at the stop signal and the progress.
const LOOK_INTERVAL: u64 = 1024;
/// Flow records that are located together.
const FLOWS_AT_A_TIME: usize = 1024;
/// How often waiting sets are given up, by the capture's clock, microseconds.
const HOUSEKEEPING_US: i64 = 1_000_000;

/// What to import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Files in the order of time; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The only UDP ports that are looked at; empty means all.
    pub ports: Vec<u16>,
}

/// Why nothing was imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A file is not there, or may not be read.
    #[error("cannot open {file}: {}", what_to_do(source))]
    Unopenable {
        /// As it was named.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Standard input can be read only once.
    #[error("`-` (standard input) is named twice: name it once")]
    InputTwice,
}

fn what_to_do(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; nothing was imported",
        io::ErrorKind::PermissionDenied => "it may not be read by this user; nothing was imported",
        io::ErrorKind::IsADirectory => "it is a folder: name the files in it; nothing was imported",
        _ => "the system refuses; nothing was imported",
    }
}

/// Imports files one after another, until their end, a stop signal, or a disk that takes no more; into the recorder if
/// there is one. What is wrong with a file is in the summary, with what was read before.
pub fn import(
    request: &Request,
    intake: Intake,
    geolocation: &Arc<Geolocation>,
    recorder: Option<Recorder>,
    stop: &CancellationToken,
) -> Result<Summary, ImportError> {
    check_all_open(&request.files)?;
    let started = Instant::now();
    let read = Arc::new(AtomicU64::new(0));
    let mut progress = Progress::new(&request.files, Arc::clone(&read));
    let mut import = Import {
        intake,
        geolocation,
        datagrams: Datagrams::new(request.ports.clone()),
        tops: Tops::default(),
        recorder,
        room: SpareRoom::default(),
        exporters: Arc::from([]),
        exporters_admitted: 0,
        flows: Vec::new(),
        now_us: 0,
        housekept_us: 0,
    };
    let mut files = Vec::with_capacity(request.files.len());
    for path in &request.files {
        if stop.is_cancelled() || import.is_disk_full() {
            break;
        }
        files.push(import.file(path, &read, &mut progress, stop));
    }
    progress.finish();
    let mut summary = import.finish(files);
    summary.is_interrupted = stop.is_cancelled();
    summary.elapsed_s = started.elapsed().as_secs_f64();
    Ok(summary)
}

/// A mistyped name is told before hours of work.
fn check_all_open(files: &[PathBuf]) -> Result<(), ImportError> {
    let mut has_input = false;
    for path in files {
        if path.as_os_str() == "-" {
            if has_input {
                return Err(ImportError::InputTwice);
            }
            has_input = true;
            continue;
        }
        let unopenable = |source| ImportError::Unopenable { file: path.display().to_string(), source };
        // A pipe has a reader only once.
        let metadata = std::fs::metadata(path).map_err(unopenable)?;
        if metadata.is_dir() {
            return Err(unopenable(io::ErrorKind::IsADirectory.into()));
        }
        if metadata.is_file() {
            File::open(path).map_err(unopenable)?;
        }
    }
    Ok(())
}

struct Import<'g> {
    intake: Intake,
    geolocation: &'g Arc<Geolocation>,
    datagrams: Datagrams,
    tops: Tops,
    recorder: Option<Recorder>,
    room: SpareRoom,
    exporters: Arc<[IpAddr]>,
    exporters_admitted: u64,
    flows: Vec<FlowRecord>,
    /// The capture's clock, microseconds since 1970.
    now_us: i64,
    housekept_us: i64,
}

/// From the first packet of a capture file to the last.
#[derive(Clone, Copy, Debug, Default)]
struct Span(Option<(i64, i64)>);

impl Span {
    fn add(&mut self, moment_ms: i64) {
        let (from_ms, to_ms) = self.0.unwrap_or((moment_ms, moment_ms));
        self.0 = Some((from_ms.min(moment_ms), to_ms.max(moment_ms)));
    }

    fn range(self) -> Option<TimeRange> {
        self.0.and_then(|(from_ms, to_ms)| TimeRange::new(from_ms, to_ms.saturating_add(1)))
    }
}

impl Import<'_> {
    fn file(
        &mut self,
        path: &Path,
        read: &Arc<AtomicU64>,
        progress: &mut Progress,
        stop: &CancellationToken,
    ) -> FileSummary {
        let file = path.display().to_string();
        let mut summary = FileSummary { file, format: "", packets: 0, problem: None };
        let opened = ReadAhead::open(path, read, stop.clone())
            .map_err(|source| Fault::Unreadable { offset: 0, source })
            .and_then(CaptureFile::open);
        let result = opened.and_then(|mut capture| {
            summary.format = capture.format_name();
            self.capture(&mut capture, &mut summary.packets, progress, stop)
        });
        // What a stop signal cut off is not the file's fault.
        if let Err(fault) = result
            && !stop.is_cancelled()
        {
            summary.problem = Some(fault.to_string());
        }
        summary
    }

    fn capture<R: io::Read>(
        &mut self,
        capture: &mut CaptureFile<R>,
        packets: &mut u64,
        progress: &mut Progress,
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        let mut span = Span::default();
        let result = self.packets(capture, packets, &mut span, progress, stop);
        if let (Some(recorder), Some(range)) = (&self.recorder, span.range()) {
            recorder.add_collected(range);
        }
        result
    }

    fn packets<R: io::Read>(
        &mut self,
        capture: &mut CaptureFile<R>,
        packets: &mut u64,
        span: &mut Span,
        progress: &mut Progress,
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        while let Some(packet) = capture.next_packet()? {
            *packets += 1;
            self.now_us = packet.time_us.unwrap_or(self.now_us);
            span.add(self.now_us / 1_000);
            if let Some(datagram) = self.datagrams.datagram(&packet, self.now_us) {
                self.intake.datagram(datagram.source, self.now_us, &datagram.payload, &mut self.flows);
                if self.flows.len() >= FLOWS_AT_A_TIME {
                    self.hand_on();
                }
            }
            if self.now_us.saturating_sub(self.housekept_us) >= HOUSEKEEPING_US {
                self.housekeeping();
            }
            if packets.is_multiple_of(LOOK_INTERVAL) {
                progress.update(self.intake.counters().traffic.flows);
                if stop.is_cancelled() || self.is_disk_full() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Locates the flows decoded so far, sums them up, and has them kept.
    fn hand_on(&mut self) {
        if self.flows.is_empty() {
            return;
        }
        let flows = self.room.fill(|located| self.geolocation.locate_all(&self.flows, located));
        for flow in &flows {
            self.tops.count(flow, self.geolocation);
        }
        if let Some(recorder) = &mut self.recorder {
            if self.exporters_admitted != self.intake.exporters_admitted() {
                self.exporters_admitted = self.intake.exporters_admitted();
                self.exporters = self.intake.exporter_addresses().into();
            }
            recorder.record(&FlowBatch {
                oldest_received_us: self.now_us,
                newest_received_us: self.now_us,
                geolocation: Arc::clone(self.geolocation),
                exporters: Arc::clone(&self.exporters),
                flows,
            });
            recorder.keep_up();
        }
        self.flows.clear();
    }

    /// True when nothing more can be kept: then it would be read for nothing.
    fn is_disk_full(&self) -> bool {
        self.recorder.as_ref().is_some_and(|recorder| !recorder.is_storing())
    }

    fn housekeeping(&mut self) {
        self.housekept_us = self.now_us;
        self.intake.release(self.now_us, &mut self.flows);
        self.hand_on();
        self.intake.expire(self.now_us);
    }

    fn finish(mut self, files: Vec<FileSummary>) -> Summary {
        self.release_all();
        let kept = self.recorder.take().map(|recorder| Kept::new(recorder.finish()));
        let mut exporters: Vec<_> = self.intake.exporters().into_iter().map(ExporterSummary::from).collect();
        exporters.sort_by_key(|exporter| std::cmp::Reverse((exporter.traffic.flows, exporter.datagrams)));
        Summary {
            files,
            is_interrupted: false,
            kept,
            elapsed_s: 0.0,
            packets: self.datagrams.counters(),
            totals: Totals::new(&self.intake.counters(), &exporters),
            exporters,
            countries: self.tops.countries(MOST_TOPS),
            autonomous_systems: self.tops.systems(MOST_TOPS, self.geolocation),
            flows_without_as_sum: self.tops.flows_without_room(),
        }
    }

    /// Decodes all that waited and whose template has come; a call decodes only so much of it.
    fn release_all(&mut self) {
        loop {
            let waiting = self.intake.counters().sets_waiting;
            self.intake.release(self.now_us, &mut self.flows);
            self.hand_on();
            if self.intake.counters().sets_waiting == waiting {
                break;
            }
        }
    }
}
