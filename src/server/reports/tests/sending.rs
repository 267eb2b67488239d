//! Reports reach whoever gets them, once, and the list says what came of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::model::report::Delivery;
use crate::server::config::reports::{Security, Smtp};

const DUE: &str = "2026-11-01T02:00:00Z";

/// How a mail server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Takes,
    Rejects,
    Closes,
}

/// A mail server on the loopback; what it took is in the list.
fn mail_server(manner: Manner) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Arc::<Mutex<Vec<String>>>::default();
    let messages = Arc::clone(&taken);
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            if manner != Manner::Closes {
                messages.lock().unwrap().extend(talk(connection, manner));
            }
        }
    });
    (port, taken)
}

/// One conversation; the message that was taken.
fn talk(mut connection: TcpStream, manner: Manner) -> Option<String> {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
    let mut message = None;
    writeln!(connection, "220 mail.test\r").unwrap();
    while let Some(line) = lines.next() {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match word.as_str() {
            "RCPT" if manner == Manner::Rejects => "550 no such user here",
            "DATA" => {
                writeln!(connection, "354 go on\r").unwrap();
                let body: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
                message = Some(body.join("\n"));
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        if writeln!(connection, "{answer}\r").is_err() || word == "QUIT" {
            break;
        }
    }
    message
}

/// A web server on the loopback that answers each request with a status line; what it got is in the list.
fn web_server(status: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::<Mutex<Vec<String>>>::default();
    let got = Arc::clone(&requests);
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
            let length = head
                .to_lowercase()
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            got.lock().unwrap().push(head + &String::from_utf8(body).unwrap());
            write!(
                connection,
                "HTTP/1.1 {status}\r\nlocation: http://{address}/other\r\ncontent-length: 0\r\n\r\n"
            )
            .unwrap();
        }
    });
    (format!("http://{address}/hook?token=secret"), requests)
}

fn smtp(port: u16) -> Smtp {
    Smtp {
        server: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        user: None,
        from: "Meridian <meridian@example.org>".parse().unwrap(),
    }
}

async fn bench(folder: &TempDir, port: u16, schedule: Schedule) -> Bench {
    let store = store(folder.path(), "2026-10-10T00:00:00Z", "2026-10-20T00:00:00Z").await;
    let settings = ReportSettings { smtp: Some(smtp(port)), ..settings(vec![schedule]) };
    let bench = Bench::new(&store, settings, "2026-10-31T00:00:00Z");
    bench.settle().await;
    bench.set_now(DUE);
    bench.settle().await;
    bench
}

fn to(addresses: &[&str]) -> Schedule {
    let email = addresses.iter().map(|&address| address.to_owned()).collect();
    Schedule { title: "Café: traffic\u{2028}Bcc: x@example.org".to_owned(), email, ..monthly() }
}

async fn deliveries(bench: &Bench) -> Vec<Delivery> {
    bench.reports.page("monthly-2026-10").await.unwrap().entry.deliveries
}

#[tokio::test]
async fn everybody_gets_one_message_with_the_pdf_and_no_second_one() {
    let folder = tempfile::tempdir().unwrap();
    let (port, taken) = mail_server(Manner::Takes);
    let bench = bench(&folder, port, to(&["noc@example.org", "boss@example.org"])).await;
    bench.send().await;
    bench.send().await;
    bench.reports.remake("monthly-2026-10").await.unwrap();
    bench.settle().await;
    bench.send().await;
    let messages = taken.lock().unwrap().clone();
    assert_eq!(messages.len(), 2);
    let message = messages.iter().find(|message| message.contains("To: noc@example.org")).unwrap();
    assert!(!message.contains("boss@example.org") && !message.contains("\nBcc:"), "{message}");
    assert!(message.contains("application/pdf") && message.contains("monthly-2026-10.pdf"), "{message}");
    assert!(message.contains("Nothing passed.") && message.contains("/reports/monthly-2026-10"), "{message}");
    let sent = deliveries(&bench).await;
    assert!(sent.iter().all(|one| one.sent_ms == Some(at(DUE)) && one.attempts == 1), "{sent:?}");
    assert!(bench.reports.resend("monthly-2026-10").await.is_err());
    assert_eq!(bench.reports.counts().deliveries().next(), Some(("email", "sent", 2)));
}

#[tokio::test]
async fn a_mail_server_that_refuses_closes_or_is_absent_is_told_and_tried_eight_times() {
    let absent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let servers =
        [(mail_server(Manner::Rejects).0, "550"), (mail_server(Manner::Closes).0, ""), (absent, "")];
    for (port, words) in servers {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(&folder, port, to(&["noc@example.org"])).await;
        bench.send().await;
        let [first] = deliveries(&bench).await.try_into().unwrap();
        assert!(first.fault.contains(words) && !first.fault.is_empty(), "{first:?}");
        assert_eq!((first.attempts, first.next_ms), (1, Some(at(DUE) + 60_000)));
        let notices = bench.reports.notices();
        assert!(notices[0].contains("could not be sent to noc@example.org"), "{notices:?}");
        let mut tries = 1;
        while let Some(next_ms) = deliveries(&bench).await[0].next_ms {
            bench.now_ms.store(next_ms, Ordering::SeqCst);
            bench.send().await;
            tries += 1;
        }
        assert_eq!((tries, deliveries(&bench).await[0].attempts), (8, 8));
        assert_eq!(bench.ids().await, done(&["monthly-2026-10"]));
    }
}

#[tokio::test]
async fn a_message_that_was_refused_is_sent_when_somebody_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (port, _) = mail_server(Manner::Rejects);
    let bench = bench(&folder, port, to(&["noc@example.org"])).await;
    bench.send().await;
    let (port, taken) = mail_server(Manner::Takes);
    let settings = ReportSettings { smtp: Some(smtp(port)), ..settings(vec![to(&["noc@example.org"])]) };
    let mended = Bench::new(&bench.store, settings, DUE);
    mended.send().await;
    assert_eq!(taken.lock().unwrap().len(), 0);
    mended.reports.resend("monthly-2026-10").await.unwrap();
    mended.send().await;
    assert_eq!(taken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_webhook_is_told_once_and_without_following_where_it_points() {
    for (status, is_taken) in [("204 No Content", true), ("302 Found", false), ("500 No", false)] {
        let folder = tempfile::tempdir().unwrap();
        let (url, requests) = web_server(status);
        let bench =
            bench(&folder, 1, Schedule { webhook: url, title: "Café \u{202e}21".to_owned(), ..monthly() })
                .await;
        bench.send().await;
        bench.send().await;
        let requests = requests.lock().unwrap().clone();
        let [request] = requests.as_slice() else { panic!("{requests:?}") };
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /hook?token=secret"), "{head}");
        let told: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&told["event"], &told["title"]), (&"report.made".into(), &"Café 21".into()));
        assert_eq!(
            (&told["id"], &told["path"]),
            (&"monthly-2026-10".into(), &"/reports/monthly-2026-10".into())
        );
        let [delivery] = deliveries(&bench).await.try_into().unwrap();
        assert_eq!(
            (delivery.sent_ms.is_some(), delivery.fault.is_empty()),
            (is_taken, is_taken),
            "{delivery:?}"
        );
        assert!(!delivery.to.contains("secret"), "{delivery:?}");
    }
}

#[tokio::test]
async fn what_was_due_before_a_schedule_was_there_is_written_and_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (port, taken) = mail_server(Manner::Takes);
    let store = store(folder.path(), "2026-08-20T00:00:00Z", "2026-08-20T00:00:00Z").await;
    let settings = ReportSettings { smtp: Some(smtp(port)), ..settings(vec![to(&["noc@example.org"])]) };
    let bench = Bench::new(&store, settings, DUE);
    bench.settle().await;
    bench.send().await;
    // The one that is due at this very moment is sent.
    assert_eq!((bench.ids().await.len(), taken.lock().unwrap().len()), (3, 1));
}

/// A mail server that says nothing until the end; what it was told then is that it is closed.
fn silent_mail_server() -> (u16, Arc<AtomicUsize>, Arc<Mutex<Vec<TcpStream>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, held) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<TcpStream>>>::default());
    let (count, connections) = (Arc::clone(&asked), Arc::clone(&held));
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            connections.lock().unwrap().push(connection);
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, asked, held)
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_does_not_answer_holds_back_no_webhook() {
    let folder = tempfile::tempdir().unwrap();
    let (port, asked, held) = silent_mail_server();
    let (url, requests) = web_server("204 No Content");
    let bench = bench(&folder, port, Schedule { webhook: url, ..to(&["noc@example.org"]) }).await;
    let running = tokio::spawn(Arc::clone(&bench.reports).run(bench.maker(), bench.stop.clone()));
    until("the mail server is asked", || asked.load(Ordering::SeqCst) > 0).await;
    until("the webhook is told", || requests.lock().unwrap().len() == 1).await;
    // What is made later wakes the loop that is free.
    bench.set_now("2026-12-01T02:00:00Z");
    bench.reports.ordered.notify_one();
    until("the webhook is told again", || requests.lock().unwrap().len() == 2).await;
    bench.stop.cancel();
    assert!(!running.is_finished(), "what is being sent comes to its end");
    held.lock().unwrap().clear();
    tokio::time::timeout(Duration::from_secs(30), running).await.unwrap().unwrap();
    let fault = &deliveries(&bench).await[0];
    assert_eq!((fault.kind.as_str(), fault.attempts, fault.sent_ms), ("email", 1, None));
}
