//! A name server on loopback, and a client that caches its answers.
//!
//! `cargo run --example cached_lookup`
//!
//! To see: a hundred lookups at once are one question; a caller that gives up hands over to one that waits; an error is not kept; an answer that has
//! expired is given at once and renewed in the background. The server counts the questions, and the example ends with an error if it was
//! asked more often than that.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aiotools::{BoxError, TaskContext, TaskGroup, gather, lru_cache, timeout};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// How long the server thinks.
const LATENCY: Duration = Duration::from_millis(200);

/// Asks the server. Two names of two servers are two entries.
#[lru_cache(max_size = 1000, expire_after = "1s", stale_while_revalidate = "1h")]
async fn lookup(server: SocketAddr, name: String) -> Result<String, Arc<io::Error>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(format!("{name}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    match answer.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, name).into()),
        false => Ok(answer),
    }
}

/// Answers one question: a name, by how many questions there have been.
async fn answer(stream: TcpStream, questions: Arc<AtomicUsize>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut name = String::new();
    stream.read_line(&mut name).await?;
    let number = questions.fetch_add(1, Ordering::SeqCst) + 1;
    println!("  server: question {number}, for {}", name.trim());
    sleep(LATENCY).await;
    if name.trim() != "nobody" {
        stream
            .write_all(format!("10.0.0.{number}").as_bytes())
            .await?;
    }
    stream.shutdown().await
}

#[aiotools::main(flavor = current_thread)]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let server = listener.local_addr()?;
    let questions = Arc::new(AtomicUsize::new(0));
    let tasks = TaskContext::named("name server");
    let counted = questions.clone();
    tasks.spawn(async move {
        TaskGroup::scope::<(), _>(async |tg| {
            loop {
                let (stream, _) = listener.accept().await?;
                tg.spawn(answer(stream, counted.clone()));
            }
        })
        .await
    });
    let asked = || questions.load(Ordering::SeqCst);
    let ask = |name: &str| lookup(server, name.to_owned());

    println!("a hundred at once");
    let answers = gather((0..100).map(|_| ask("ada"))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_deref().is_ok_and(|text| text == "10.0.0.1"))
    );
    assert_eq!(asked(), 1);

    println!("one gives up, another waits");
    let (gave_up, waited) = tokio::join!(timeout(LATENCY / 2, ask("grace")), ask("grace"));
    assert!(gave_up.is_err());
    assert_eq!((waited?.as_str(), asked()), ("10.0.0.3", 3));

    println!("an error is shared, and not kept");
    let (one, two) = tokio::join!(ask("nobody"), ask("nobody"));
    assert!(one.is_err() && two.is_err());
    assert_eq!(asked(), 4);
    assert!(ask("nobody").await.is_err());
    assert_eq!(asked(), 5);

    println!("expired, and given at once");
    sleep(Duration::from_millis(1100)).await;
    let start = Instant::now();
    assert_eq!(ask("ada").await?, "10.0.0.1");
    println!("  after {:?}", start.elapsed());
    while ask("ada").await? == "10.0.0.1" {
        sleep(LATENCY / 10).await;
    }
    assert_eq!((ask("ada").await?.as_str(), asked()), ("10.0.0.6", 6));

    println!("forgotten on purpose");
    assert!(lookup::cache_invalidate(&server, &"ada".to_owned()));
    assert_eq!(ask("ada").await?, "10.0.0.7");

    println!("{}", lookup::cache_info());
    lookup::cache_close().await;
    tasks.close().await;
    Ok(())
}
