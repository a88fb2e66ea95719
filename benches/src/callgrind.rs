//! How many instructions a shape takes: what no load of the machine changes.
//!
//! A bench runs itself under callgrind with `<shape> <kind> <n> <rounds>` on its command line.

use std::{future::Future, io, pin::Pin, process::Command, thread};

/// One shape: what of it is done, and how many at once.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Which one.
    pub name: String,
    /// In which form.
    pub kind: String,
    /// How many.
    pub n: usize,
}

/// What runs a shape once.
pub type Run = fn(Shape) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs the shape that the command line asks for, as often as it asks, in a task on a current-thread runtime; `false` if it asks for none.
///
/// # Panics
///
/// If the shape does.
pub fn run_if_asked(run: Run) -> bool {
    let args: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let [name, kind, n, rounds] = &args[..] else {
        return false;
    };
    let shape = Shape {
        name: name.clone(),
        kind: kind.clone(),
        n: n.parse().expect("a number of pieces"),
    };
    let rounds: usize = rounds.parse().expect("a number of rounds");
    let [(_, runtime), _] = crate::runtimes();
    crate::within(&runtime, async move {
        for _ in 0..rounds {
            run(shape.clone()).await;
        }
    });
    true
}

impl Shape {
    /// A shape of that name.
    #[must_use]
    pub fn new(name: &str, kind: &str, n: usize) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            n,
        }
    }

    /// Instructions for one of `n`: the difference between few rounds and more, so that what happens once does not count.
    ///
    /// # Errors
    ///
    /// If there is no valgrind.
    ///
    /// # Panics
    ///
    /// If a thread cannot be started.
    pub fn instructions(&self) -> io::Result<f64> {
        let few = 5_000_usize.div_ceil(self.n);
        let more = few + 20_000_usize.div_ceil(self.n);
        // Side by side: the load changes nothing.
        let [few_took, more_took] = thread::scope(|threads| {
            let few_took = threads.spawn(|| self.collected(few));
            let more_took = self.collected(more);
            [few_took.join().expect("it does not panic"), more_took]
        });
        Ok((more_took? - few_took?) / (self.n * (more - few)) as f64)
    }

    /// What callgrind counts for so many rounds, start of the program and all.
    fn collected(&self, rounds: usize) -> io::Result<f64> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe()?)
            .args([&self.name, &self.kind])
            .args([self.n, rounds].map(|number| number.to_string()))
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        said.lines()
            .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
            .ok_or_else(|| io::Error::other(said.into_owned()))
    }
}
