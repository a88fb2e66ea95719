//! What do 100 annotated functions cost to compile, beside the same written by hand?
//!
//! `cargo bench -p aiotools-benches --bench compile_time`. CPU time of `rustc`, the user's part: checked as `cargo check` does, and built
//! as `cargo build` does, without optimisation. The attributes run as they were built for this bench, without optimisation too.
//!
//! "By hand" has no guarantees: set-up, work and cleanup in one function. "The expansion, by hand" is what the attribute makes of it,
//! less what it does for errors and for `yield_!`: what lies between the two is what the guarantees cost, what lies above is the
//! attribute's own.
#![allow(missing_docs, reason = "a bench")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use aiotools_benches::{Samples, setting};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};

const FUNCTIONS: usize = 100;
const ANNOTATED: &str = "annotated";
const BY_HAND: &str = "by hand";
const EXPANDED: &str = "the expansion, by hand";

/// What the functions of all cases use.
const SHARED: &str = "
    pub async fn take(name: String) -> String { name }
    pub async fn give_back(_: String) {}
    pub fn release(_: u32) {}
";

/// One kind of function: how it is written in each form. `NN` is its number.
struct Case {
    name: &'static str,
    forms: &'static [(&'static str, &'static str)],
}

const CASES: [Case; 4] = [
    Case {
        name: "managers",
        forms: &[
            (
                ANNOTATED,
                "#[aiotools::actxmgr]
                 pub async fn manager_NN(name: String) -> &mut String {
                     let mut lease = crate::take(name).await;
                     yield_!(&mut lease);
                     crate::give_back(lease).await;
                 }
                 pub async fn use_NN() -> usize {
                     manager_NN(String::from(\"NN\")).scope(async |lease| lease.len()).await
                 }",
            ),
            (
                BY_HAND,
                "pub async fn manager_NN<T>(name: String, body: impl AsyncFnOnce(&mut String) -> T) -> T {
                     let mut lease = crate::take(name).await;
                     let value = body(&mut lease).await;
                     crate::give_back(lease).await;
                     value
                 }
                 pub async fn use_NN() -> usize {
                     manager_NN(String::from(\"NN\"), async |lease: &mut String| lease.len()).await
                 }",
            ),
            (
                EXPANDED,
                "pub fn manager_NN(name: String) -> aiotools::__private::Manager<
                     impl aiotools::__private::Coroutine<
                         Lend = aiotools::__private::Mut<String>, Resume = aiotools::Exit,
                         Future = impl Future<Output = ()> + Send + 'static,
                     >,
                 > {
                     <aiotools::__private::Manager<_>>::shared(
                         aiotools::__private::Spec::new(
                             &aiotools::__private::About { name: \"manager\", cleanup_timeout: None },
                         ),
                         aiotools::__private::Body::new(
                             move |point: aiotools::__private::YieldPoint<
                                 aiotools::__private::Mut<String>, aiotools::Exit,
                             >| {
                                 let point = unsafe { point.lender() };
                                 async move {
                                     let mut lease = crate::take(name).await;
                                     point.lend(&mut lease).await;
                                     crate::give_back(lease).await;
                                 }
                             },
                         ),
                     )
                 }
                 pub async fn use_NN() -> usize {
                     manager_NN(String::from(\"NN\")).scope(async |lease| lease.len()).await
                 }",
            ),
        ],
    },
    Case {
        name: "timers",
        forms: &[
            (
                ANNOTATED,
                "#[aiotools::timer(interval = \"1s\")]
                 pub async fn tick_NN(text: String) {
                     drop(text);
                 }",
            ),
            (
                BY_HAND,
                "pub fn tick_NN(text: String) -> aiotools::Timer {
                     aiotools::create_timer(
                         move |_interval| {
                             let text = text.clone();
                             async move { drop(text) }
                         },
                         std::time::Duration::from_secs(1),
                         aiotools::TimerDelayPolicy::Accumulate,
                     )
                 }",
            ),
        ],
    },
    Case {
        name: "workers",
        forms: &[
            (
                ANNOTATED,
                "#[aiotools::server]
                 pub async fn worker_NN(ctx: aiotools::WorkerContext) -> std::io::Result<()> {
                     let name = crate::take(ctx.process_index().to_string()).await;
                     let signal: aiotools::Signal = yield_!();
                     drop(signal);
                     crate::give_back(name).await;
                     Ok(())
                 }",
            ),
            (
                BY_HAND,
                "pub async fn worker_NN(
                     ctx: aiotools::WorkerContext,
                     stop: impl Future<Output = aiotools::Signal>,
                 ) -> std::io::Result<()> {
                     let name = crate::take(ctx.process_index().to_string()).await;
                     let signal: aiotools::Signal = stop.await;
                     drop(signal);
                     crate::give_back(name).await;
                     Ok(())
                 }",
            ),
        ],
    },
    Case {
        name: "functions that defer",
        forms: &[
            (
                ANNOTATED,
                "#[aiotools::defer]
                 pub fn work_NN(n: u32) -> u32 {
                     defer!(crate::release(n));
                     n + NN
                 }",
            ),
            (
                BY_HAND,
                "pub fn work_NN(n: u32) -> u32 {
                     let value = n + NN;
                     crate::release(n);
                     value
                 }",
            ),
        ],
    },
];

fn main() {
    let folder = std::env::temp_dir().join(format!("aiotools-bench-macros-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a scratch folder");
    let rustc = Rustc::new();
    for case in &CASES {
        for build in [true, false] {
            compare(&rustc, &folder, case, build);
        }
    }
    fs::remove_dir_all(&folder).expect("the scratch folder goes");
}

fn compare(rustc: &Rustc, folder: &Path, case: &Case, build: bool) {
    let sources: Vec<_> = case
        .forms
        .iter()
        .map(|(form, text)| {
            let path = folder.join(format!("{}.rs", form.replace([' ', ','], "_")));
            fs::write(&path, source(text)).expect("a scratch file");
            (form, path)
        })
        .collect();
    let [mut user, mut wall] = [(); 2].map(|()| Samples::default());
    let rounds = setting("ROUNDS", 150) / if build { 50 } else { 15 };
    for _ in 0..rounds.max(2) {
        for (form, source) in &sources {
            let (cpu, time) = rustc.run(source, folder, build);
            user.add(form, cpu);
            wall.add(form, time);
        }
    }
    let goals: Vec<_> = case
        .forms
        .iter()
        .filter(|(form, _)| *form != ANNOTATED)
        .map(|(form, _)| (ANNOTATED, *form, 1.1))
        .collect();
    let how = if build { "build" } else { "check" };
    let what = format!("{how} {FUNCTIONS} {}", case.name);
    user.show(format!("{what}: user time"), "ms", &goals);
    wall.show(format!("{what}: time"), "ms", &[]);
}

fn source(function: &str) -> String {
    let mut text = SHARED.to_owned();
    for number in 0..FUNCTIONS {
        let _ = writeln!(text, "{}", function.replace("NN", &number.to_string()));
    }
    text
}

/// The compiler, and where the crate is that this bench was built with.
struct Rustc {
    dependencies: PathBuf,
    aiotools: PathBuf,
}

impl Rustc {
    fn new() -> Self {
        let this = std::env::current_exe().expect("a path");
        let dependencies = this.parent().expect("a folder").to_owned();
        let built = fs::read_dir(&dependencies).expect("the folder can be read");
        let aiotools = built
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("libaiotools-") && name.ends_with(".rlib")
            })
            .max_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok())
            .expect("aiotools is built");
        Self {
            dependencies,
            aiotools,
        }
    }

    /// Compiles it; gives user and wall time in milliseconds.
    fn run(&self, source: &Path, folder: &Path, build: bool) -> (f64, f64) {
        let user = || {
            let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the times of children");
            usage.user_time().num_microseconds() as f64 / 1e3
        };
        let (before, start) = (user(), std::time::Instant::now());
        let emit = if build { "link" } else { "metadata" };
        let status = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args([
                "--edition=2024",
                "--cap-lints=allow",
                "--crate-name=scratch",
            ])
            .args(["--crate-type=lib", "--emit", emit])
            .arg("--extern")
            .arg(format!("aiotools={}", self.aiotools.display()))
            .arg("-L")
            .arg(format!("dependency={}", self.dependencies.display()))
            .arg("--out-dir")
            .arg(folder)
            .arg(source)
            .status();
        assert!(
            status.expect("rustc runs").success(),
            "{}",
            source.display()
        );
        (user() - before, start.elapsed().as_nanos() as f64 / 1e6)
    }
}
