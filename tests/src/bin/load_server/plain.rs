//! A worker with a socket of its own.

use std::{collections::HashMap, io, path::Path, time::Duration};

use tokio::{
    net::TcpSocket,
    signal::unix::{SignalKind, signal},
};

use crate::serve::Serving;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(settings: &HashMap<String, String>) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(settings["addr"].parse().map_err(io::Error::other)?)?;
    let listener = socket.listen(1024)?;
    let mut stop = signal(SignalKind::terminate())?;
    let work = settings["work_us"].parse().map_err(io::Error::other)?;
    let serving = Serving::start(
        listener,
        Path::new(&settings["books"]),
        Duration::from_micros(work),
    )?;
    crate::say(&format!("ready {}", std::process::id()));
    stop.recv().await;
    serving.stop().await
}
