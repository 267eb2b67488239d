//! Watches the database files and reloads them when they change.
//!
//! The folders are watched, not the files: geoipupdate and `setup/geolocation.sh` put a new file in place by
//! renaming. Changes are awaited until they pause, then reloaded on a thread of their own. Because notifications
//! do not reach everywhere (network file systems, folders that come later), the files are also looked at now
//! and then, which costs one `stat` each.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use notify::{EventKind, RecursiveMode, Watcher};

use super::Current;

/// A change is complete when nothing more happens for this long.
const PAUSE: Duration = Duration::from_millis(300);

/// A change that never pauses is looked at after this long all the same.
const LONGEST_CHANGE: Duration = Duration::from_secs(10);

/// How often the files are looked at without any notification.
const LOOK_INTERVAL: Duration = Duration::from_mins(1);

enum Signal {
    Changed,
    Stop,
}

/// Watches as long as it lives.
#[derive(Debug)]
pub struct Watch {
    signals: SyncSender<Signal>,
    watcher: Option<notify::RecommendedWatcher>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    /// Ends the thread; waits for a reload that is under way.
    fn drop(&mut self) {
        self.watcher = None;
        // The thread is alive and takes signals until this one, unless it panicked; then there is nobody to tell.
        if self.signals.send(Signal::Stop).is_ok()
            && let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that watches the geolocation databases had panicked");
        }
    }
}

/// Begins to watch the database files of the current geolocation. `changed` is called after each swap, on the
/// watching thread. Fails only when no thread can be started.
pub fn watch(current: Arc<Current>, changed: impl Fn() + Send + 'static) -> io::Result<Watch> {
    // One signal waiting stands for any number of changes.
    let (signals, received) = sync_channel(1);
    let watcher = folder_watcher(&current.load().settings().databases, signals.clone());
    let thread = thread::Builder::new()
        .name("geolocation".to_owned())
        .spawn(move || reload_on_signals(&current, &received, changed))?;
    Ok(Watch { signals, watcher, thread: Some(thread) })
}

fn folder_watcher(databases: &[PathBuf], signals: SyncSender<Signal>) -> Option<notify::RecommendedWatcher> {
    let on_event = move |event: notify::Result<notify::Event>| {
        let is_reading = event.as_ref().is_ok_and(|event| matches!(event.kind, EventKind::Access(_)));
        // A full channel already holds the signal.
        if !is_reading && signals.try_send(Signal::Changed).is_err() {
            tracing::trace!("a change of the geolocation databases is already being awaited");
        }
    };
    let mut watcher = match notify::recommended_watcher(on_event) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "geolocation databases are looked at every minute only");
            return None;
        }
    };
    let mut folders: Vec<&Path> = databases.iter().map(|path| folder_of(path)).collect();
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            tracing::warn!(folder = %folder.display(), %error, "folder is looked at every minute only");
        }
    }
    Some(watcher)
}

/// The folder to watch for a configured path: itself when it is one.
fn folder_of(path: &Path) -> &Path {
    if path.is_dir() {
        return path;
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn reload_on_signals(current: &Current, signals: &Receiver<Signal>, changed: impl Fn()) {
    loop {
        match signals.recv_timeout(LOOK_INTERVAL) {
            Ok(Signal::Changed) if !pauses(signals) => return,
            Ok(Signal::Changed) | Err(RecvTimeoutError::Timeout) => {
                if current.reload() {
                    changed();
                }
            }
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Waits until changes pause; false when it is time to stop.
fn pauses(signals: &Receiver<Signal>) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < LONGEST_CHANGE {
        match signals.recv_timeout(PAUSE) {
            Ok(Signal::Changed) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}
