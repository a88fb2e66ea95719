//! Sees into a running server, and tells it what to do, over its control socket.
//!
//! Run a server with one, and look at it:
//!
//! ```console
//! $ cargo run --example echo_server -- --workers 2 --control-socket /tmp/echo.ctl &
//! $ cargo run --example aiotoolsctl -- /tmp/echo.ctl status
//! $ cargo run --example aiotoolsctl -- /tmp/echo.ctl status --watch
//! $ cargo run --example aiotoolsctl -- /tmp/echo.ctl scale 4
//! $ cargo run --example aiotoolsctl -- /tmp/echo.ctl stop
//! ```
//!
//! What you see is a table of the workers, each with its age, state, connections, requests and
//! restarts, and of the extra processes, marked with a star; `tree` adds the task tree of each.
#![cfg_attr(
    unix,
    expect(clippy::disallowed_methods, reason = "there is no runtime to block")
)]

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    unix::main()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("the control socket is a Unix socket");
}

#[cfg(unix)]
mod unix {
    use std::{
        error::Error,
        io::{self, BufRead as _, BufReader, Write as _},
        os::unix::net::UnixStream,
        path::PathBuf,
        thread,
        time::Duration,
    };

    use clap::{Parser, Subcommand};
    use serde_json::Value;

    #[derive(Parser)]
    struct Args {
        /// The control socket of the server.
        socket: PathBuf,
        #[command(subcommand)]
        command: Command,
    }

    #[derive(Subcommand)]
    enum Command {
        /// Show the workers.
        Status {
            /// Show them again each second, until interrupted.
            #[arg(long)]
            watch: bool,
        },
        /// Show the workers, each with its task tree.
        Tree {
            /// Show them again each second, until interrupted.
            #[arg(long)]
            watch: bool,
        },
        /// Replace the workers, one after the other.
        Reload,
        /// Have so many workers.
        Scale { workers: usize },
        /// Have the server stop.
        Stop,
        /// Have another server take the place of this one, and wait until it has.
        Upgrade,
    }

    pub(super) fn main() -> Result<(), Box<dyn Error>> {
        let Args { socket, command } = Args::parse();
        let stream = UnixStream::connect(&socket)
            .map_err(|err| format!("cannot connect to {}: {err}", socket.display()))?;
        let mut server = BufReader::new(stream);
        let (request, watch) = match command {
            Command::Status { watch } => ("status".to_owned(), watch),
            Command::Tree { watch } => ("tree".to_owned(), watch),
            Command::Reload => ("reload".to_owned(), false),
            Command::Scale { workers } => (format!("scale {workers}"), false),
            Command::Stop => ("stop".to_owned(), false),
            Command::Upgrade => ("upgrade".to_owned(), false),
        };
        loop {
            let answer = ask(&mut server, &request)?;
            if watch {
                // Clears the screen.
                print!("\x1b[2J\x1b[H");
            }
            show(&answer);
            io::stdout().flush()?;
            if !watch {
                return Ok(());
            }
            thread::sleep(Duration::from_secs(1));
        }
    }

    fn ask(server: &mut BufReader<UnixStream>, request: &str) -> Result<Value, Box<dyn Error>> {
        writeln!(server.get_mut(), "{request}")?;
        let mut line = String::new();
        if server.read_line(&mut line)? == 0 {
            return Err("the server has closed the connection".into());
        }
        let answer: Value = serde_json::from_str(&line)?;
        match answer["error"].as_str() {
            Some(error) => Err(error.into()),
            None => Ok(answer),
        }
    }

    fn show(answer: &Value) {
        let Some(workers) = answer["workers"].as_array() else {
            match answer["pid"].as_u64() {
                Some(pid) => println!("done, the server is process {pid} now"),
                None => println!("done"),
            }
            return;
        };
        println!(
            "server {}: {}, {} workers wanted, {} failures survived{}",
            answer["pid"],
            answer["phase"].as_str().unwrap_or("?"),
            answer["wanted"],
            answer["failures_survived"],
            if answer["reloading"] == true {
                ", reloading"
            } else {
                ""
            }
        );
        println!(
            "{:>5}  {:>8} {:<9} {:>9} {:>11} {:>10} {:>8}",
            "INDEX", "PID", "STATE", "AGE", "CONNECTIONS", "REQUESTS", "RESTARTS"
        );
        for worker in workers {
            let number = |key: &str| {
                worker[key]
                    .as_u64()
                    .map_or("-".to_owned(), |n| n.to_string())
            };
            println!(
                "{:>5}{} {:>8} {:<9} {:>8.1}s {:>11} {:>10} {:>8}{}",
                number("index"),
                if worker["extra"] == true { "*" } else { " " },
                number("pid"),
                worker["state"].as_str().unwrap_or("?"),
                worker["age"].as_f64().unwrap_or_default(),
                number("connections"),
                number("requests"),
                number("restarts"),
                if worker["answered"] == false {
                    "  does not answer"
                } else {
                    ""
                }
            );
            for line in worker["tree"].as_str().into_iter().flat_map(str::lines) {
                println!("         {line}");
            }
        }
    }
}
