//! The running collector: starts the workers, stops them, and puts together what each of them has counted.

use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::double_counting::Evidence;
use super::exporter::ExporterSnapshot;
use super::inlet::{self, Inlet};
use super::intake::Intake;
use super::listener::Listener;
use super::report::{Published, Report};
use super::state_file::Writer;
use super::steering::Steering;
use super::worker::Worker;
use crate::server::geolocation::Current;
use crate::server::transport::InProcess;

/// The running collector. Its threads are stopped and awaited when it is dropped.
#[derive(Debug)]
pub struct Collector {
    workers: Vec<Running>,
    is_stopping: Arc<AtomicBool>,
    writer: Mutex<Option<Writer>>,
    inlets: Inlets,
    evidence: Arc<Evidence>,
}

/// Where messages of connections go: to the worker that has the exporter's datagrams, too.
#[derive(Clone, Debug)]
pub struct Inlets {
    first: Inlet,
    others: Vec<Inlet>,
    steering: Steering,
}

impl Inlets {
    /// The inlet of the worker of an exporter.
    pub fn of(&self, exporter: IpAddr) -> Inlet {
        let worker = self.steering.worker_of(exporter);
        worker.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(&self.first).clone()
    }
}

/// One worker, seen from outside.
#[derive(Debug)]
struct Running {
    published: Arc<Published>,
    wake: UnixStream,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Collector {
    /// Starts a worker for each intake, which takes the datagrams of its socket of each listener. There have to be as
    /// many intakes as the steering has workers, which the listeners were bound for. They hand what outlives the process
    /// to the writer, if there is one: at the start, every minute while datagrams come, and at the stop.
    pub fn start(
        listeners: Vec<Listener>,
        steering: &Steering,
        intakes: Vec<Intake>,
        geolocation: &Arc<Current>,
        readers: &InProcess,
        writer: Option<Writer>,
    ) -> io::Result<Self> {
        let count = steering.workers();
        if intakes.len() != count || listeners.iter().any(|listener| listener.workers() != count) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "an intake and a socket are needed for each worker",
            ));
        }
        let mut sockets: Vec<Vec<_>> = (0..count).map(|_| Vec::new()).collect();
        for listener in listeners {
            for (of_worker, reading) in sockets.iter_mut().zip(listener.into_sockets(steering)) {
                of_worker.push(reading);
            }
        }
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (mut inlets, mut outlets) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let (inlet, outlet) = inlet::channel()?;
            inlets.push(inlet);
            outlets.push(outlet);
        }
        let mut inlets = inlets.into_iter();
        let first = inlets.next().ok_or(io::ErrorKind::InvalidInput)?;
        let inlets = Inlets { first, others: inlets.collect(), steering: steering.clone() };
        let savers: Vec<_> =
            (0..count).map(|worker| writer.as_ref().and_then(|writer| writer.saver(worker))).collect();
        let evidence = intakes.first().map(|intake| Arc::clone(intake.evidence())).unwrap_or_default();
        let workers = Vec::with_capacity(count);
        let mut collector = Self { workers, is_stopping, writer: Mutex::new(writer), inlets, evidence };
        let parts = sockets.into_iter().zip(intakes).zip(outlets).zip(savers).enumerate();
        for (index, (((sockets, intake), outlet), saver)) in parts {
            let (wake, woken) = UnixStream::pair()?;
            wake.set_nonblocking(true)?;
            let published = Arc::new(Published::default());
            let (geolocation, readers) = (Arc::clone(geolocation), readers.for_worker(index));
            let worker =
                Worker::new(sockets, outlet, intake, geolocation, readers, Arc::clone(&published), saver);
            let stop = Arc::clone(&collector.is_stopping);
            let thread = std::thread::Builder::new()
                .name(format!("collector-{index}"))
                .spawn(move || worker.run(&stop, &woken))?;
            collector.workers.push(Running { published, wake, thread: Mutex::new(Some(thread)) });
        }
        Ok(collector)
    }

    /// Where messages of connections go.
    pub fn inlets(&self) -> Inlets {
        self.inlets.clone()
    }

    /// What all workers have counted.
    pub fn report(&self) -> Arc<Report> {
        let mut reports = self.workers.iter().map(|worker| worker.published.report.load_full());
        let first = reports.next().unwrap_or_default();
        if self.workers.len() <= 1 {
            return first;
        }
        let mut sum = reports.fold(Arc::unwrap_or_clone(first), |sum, report| sum.and(&report));
        // What a worker published of it is old while nothing comes to that worker.
        sum.double_counting = self.evidence.told();
        Arc::new(sum)
    }

    /// What is known of every exporter in the order of their numbers, at most a second ago.
    pub fn exporters(&self) -> Arc<Vec<ExporterSnapshot>> {
        let mut of_workers = self.workers.iter().map(|worker| worker.published.exporters.load_full());
        let first = of_workers.next().unwrap_or_default();
        if self.workers.len() <= 1 {
            return first;
        }
        let mut all = Arc::unwrap_or_clone(first);
        for exporters in of_workers {
            all.extend_from_slice(&exporters);
        }
        all.sort_unstable_by_key(|exporter| exporter.summary().id);
        Arc::new(all)
    }

    /// False once a worker has ended, for whatever reason.
    pub fn is_running(&self) -> bool {
        self.workers.iter().all(|worker| {
            let thread = worker.thread.lock().unwrap_or_else(PoisonError::into_inner);
            thread.as_ref().is_some_and(|thread| !thread.is_finished())
        })
    }

    /// Lets the workers read what their sockets hold now, hand it on, save the state, and end.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        for worker in &self.workers {
            // A full pipe means that the worker is being woken already, a broken one that it has ended.
            if let Err(error) = (&worker.wake).write(&[1])
                && !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::BrokenPipe)
            {
                tracing::error!(%error, "cannot wake a collecting thread");
            }
        }
        for worker in &self.workers {
            let thread = worker.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            if thread.is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("a collecting thread had ended with a panic");
            }
        }
        // Waits until the last state is written.
        drop(self.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop();
    }
}
