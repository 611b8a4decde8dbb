//! The commands under bad luck and bad input: killed at any moment, given files that are wrong.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn xtask(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).args(["--threads", "1"]).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    xtask(arguments).output().unwrap()
}

/// Runs what must fail; what it says.
#[track_caller]
fn fails(arguments: &[&str]) -> String {
    let output = run(arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
    assert!(text.contains("error: ") && !text.contains("panicked"), "{text}");
    text
}

/// A text with something to learn.
fn corpus(dir: &Path) -> String {
    let path = dir.join("text.txt");
    let line = |i: usize| format!("{i} is followed by {}, as {} follows {i}.\n", i + 1, i + 1);
    std::fs::write(&path, (0..400).map(line).collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

const TINY: &[&str] = &[
    "--chars",
    "--layers",
    "1",
    "--heads",
    "2",
    "--d-model",
    "16",
    "--time",
    "16",
    "--batch",
    "4",
    "--dropout",
    "0.1",
];

fn train(text: &str, out: &Path, more: &[&str]) -> Command {
    let out = out.to_str().unwrap();
    xtask(&[&["train", "gpt", text, "--out", out], TINY, more].concat())
}

#[test]
fn killed_twenty_times_it_ends_with_the_same_weights() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    let settings = ["--steps", "1500", "--save-every", "3"];
    let output = train(&text, &whole, &settings).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let rng = &mut ChaCha8Rng::seed_from_u64(7);
    let resume = [&settings[..], &["--resume"]].concat();
    let mut begun_midway = 0;
    for _ in 0..20 {
        let mut child =
            train(&text, &killed, &resume).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        await_checkpoint(&killed, &mut child);
        std::thread::sleep(Duration::from_micros(rng.random_range(0..30_000)));
        let _ = child.kill(); // SIGKILL, if it has not ended before
        begun_midway += usize::from(went_on(&child.wait_with_output().unwrap()));
        for file in std::fs::read_dir(killed.join("checkpoints")).into_iter().flatten() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "ckpt") {
                train::verify(&path).unwrap();
            }
        }
    }
    let output = train(&text, &killed, &resume).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    begun_midway += usize::from(went_on(&output));
    // All but the first, unless the machine is so slow to kill that the run ends early.
    assert!(begun_midway >= 15, "only {begun_midway} runs were killed between a checkpoint and the end");
    let read = |dir: &Path, name: &str| std::fs::read(dir.join(name)).unwrap();
    assert_eq!(read(&whole, "model.safetensors"), read(&killed, "model.safetensors"));
    // The losses of every step too: nothing was repeated or left out.
    let losses = |dir: &Path| {
        let text = String::from_utf8(read(dir, "metrics.jsonl")).unwrap();
        let values = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        values.map(|line| (line["step"].clone(), line["loss"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(losses(&whole), losses(&killed));
}

/// Waits until the run has saved a checkpoint of its own, or has ended.
fn await_checkpoint(run: &Path, child: &mut Child) {
    let newest = || {
        let files = std::fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
        files.map(|file| file.file_name()).filter(|name| name.to_string_lossy().starts_with("step")).max()
    };
    let before = newest();
    while newest() == before && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a run found a checkpoint from before its end. None may have been unreadable.
fn went_on(output: &Output) -> bool {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("skipped: "), "{errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    let step = text.split_once("going on from step ").and_then(|(_, rest)| rest.split(' ').next());
    step.is_some_and(|step| (1..1500).contains(&step.parse::<u64>().unwrap()))
}

/// Starts a run far too long to end by itself and presses Ctrl-C once it has saved a checkpoint; what it printed.
#[cfg(unix)]
fn interrupted(mut command: Command, out: &Path) -> String {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let saved = || std::fs::read_dir(out.join("checkpoints")).is_ok_and(|files| files.count() > 0);
    for _ in 0..600 {
        if saved() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[cfg(unix)]
fn ctrl_c_saves_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let out = dir.path().join("run");
    let settings = ["--steps", "10000000", "--save-every", "50"];
    assert!(interrupted(train(&text, &out, &settings), &out).contains("stopped at step"));
    assert!(out.join("model.safetensors").exists());
    // Started as shells start the background jobs of a script: with SIGINT ignored.
    let other = dir.path().join("other");
    let direct = train(&text, &other, &settings);
    let mut ignoring = Command::new("sh");
    ignoring
        .args(["-c", "trap '' INT; exec \"$0\" \"$@\""])
        .arg(direct.get_program())
        .args(direct.get_args());
    assert!(interrupted(ignoring, &other).contains("stopped at step"));
}

#[test]
fn texts_that_cannot_be_trained_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let out = dir.path().join("out");
    let error = |text: &str| {
        let output = train(text, &out, &["--steps", "1"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(error(&file("empty.txt", b"")).contains("empty.txt: there is no text in it"));
    assert!(error(&file("bytes.txt", b"abc\xff")).contains("bytes.txt: not a text in UTF-8, at byte 3"));
    assert!(error("no/such.txt").contains("no/such.txt: "));
    let short = error(&file("short.txt", b"only a few words"));
    assert!(short.contains("17") && short.contains("tokens"), "{short}");
}

#[test]
fn settings_that_make_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let error = |more: &[&str]| {
        let output = train(&text, &dir.path().join("out"), more).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(error(&["--steps", "0"]).contains("--steps"));
    assert!(error(&["--steps", "1", "--lr", "NaN"]).contains("--lr NaN"));
    let out = dir.path().join("huge");
    let huge = |flag: &str| {
        fails(&[
            "train",
            "gpt",
            &text,
            "--out",
            out.to_str().unwrap(),
            "--chars",
            flag,
            "4611686018427387904",
        ])
    };
    assert!(huge("--batch").contains("batch 4611686018427387904"));
    assert!(huge("--d-model").contains("d_model"));
    let arguments = ["train", "gpt", &text, "--heads", "3", "--d-model", "16"];
    assert!(fails(&arguments).contains("gpt: `heads` is 3 for d_model 16, expected a divisor of d_model"));
    let none = xtask(&["gradcheck", "--seeds", "0"]).output().unwrap();
    assert!(!none.status.success());
    assert!(fails(&["demo", "nothing"]).contains("no demo `nothing`; there are mlp, tokenize, word2vec"));
}

#[test]
fn a_run_is_neither_overwritten_nor_mixed_with_another() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let out = dir.path().join("run");
    let said = |text: &str, more: &[&str]| {
        let output = train(text, &out, more).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.success(), said.concat())
    };
    assert!(said(&text, &["--steps", "40"]).0);
    let (done, why) = said(&text, &["--steps", "6"]);
    assert!(!done && why.contains("holds a run already: --resume"), "{why}");
    let (done, why) = said(&text, &["--steps", "41", "--resume"]);
    assert!(!done && why.contains("was made with other settings: steps 40, now 41"), "{why}");

    // Another text with as many different characters.
    let other = dir.path().join("other.txt");
    std::fs::write(&other, std::fs::read_to_string(&text).unwrap().replace("follows", "swollof")).unwrap();
    let (done, why) = said(other.to_str().unwrap(), &["--steps", "40", "--resume"]);
    assert!(!done && why.contains("was made on another text"), "{why}");

    // Begun anew, it does not go on from the old run's last step.
    assert!(said(&text, &["--steps", "9", "--overwrite"]).0);
    let (done, why) = said(&text, &["--steps", "9", "--resume"]);
    assert!(done && why.contains("going on from step 9"), "{why}");
}

#[test]
fn a_text_without_ascii() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.txt");
    std::fs::write(&text, "却说天下大势分久必合合久必分".repeat(40)).unwrap();
    let output = train(text.to_str().unwrap(), &dir.path().join("run"), &["--steps", "2"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn damaged_runs_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let out = dir.path().join("run");
    let model = out.to_str().unwrap();
    assert!(fails(&["generate", "--model", model]).contains("config.json"));
    assert!(train(&text, &out, &["--steps", "6"]).output().unwrap().status.success());
    let generated = run(&["generate", "--model", model, "--prompt", "1 is", "--tokens", "5"]);
    assert!(String::from_utf8_lossy(&generated.stdout).starts_with("1 is"));
    let other = train(&text, &out, &["--steps", "7", "--resume"]).output().unwrap();
    assert!(String::from_utf8_lossy(&other.stderr).contains("was made with other settings"));

    let config = std::fs::read_to_string(out.join("config.json")).unwrap();
    for name in ["\"d_model\"", "\"vocab\"", "\"time\""] {
        for damaged in ["4611686018427387904", "6000000000000000000", "1000000", "0"] {
            let wrong: Vec<String> = config
                .lines()
                .map(|line| match line.contains(name) {
                    true => format!("{name}: {damaged},"),
                    false => line.to_owned(),
                })
                .collect();
            std::fs::write(out.join("config.json"), wrong.join("\n")).unwrap();
            assert!(fails(&["generate", "--model", model]).contains("config.json"), "{name} {damaged}");
        }
    }
    std::fs::write(out.join("config.json"), config).unwrap();

    for name in ["model.safetensors", "tokenizer.json", "config.json"] {
        let path = out.join(name);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(fails(&["generate", "--model", model]).contains(name), "{name}");
        std::fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn word_vectors_are_trained_asked_and_scored() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let train = |out: &str, more: &[&str]| {
        let base = ["embed", "train", &text, "--out", out, "--dim", "8", "--min-count", "1", "--epochs", "2"];
        let output = run(&[&base[..], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let questions = file("questions.txt");
    std::fs::write(&questions, ": numbers\n1 2 3 4\nis by is by\n").unwrap();
    for (name, more) in [
        ("v.bin", &["--reproducible"][..]),
        ("v.txt", &["--arch", "skip-gram", "--loss", "hierarchical"]),
        ("v.safetensors", &["--phrases", "1"]),
        ("v.npy", &["--cosine", "--held-out", "0.1"]),
        ("f.bin", &["--subwords", "--buckets", "500"]),
    ] {
        let out = file(name);
        train(&out, more);
        let asked = run(&["embed", "query", &out, "--nearest", "is", "--count", "3", "--json"]);
        let found: serde_json::Value = serde_json::from_slice(&asked.stdout).unwrap();
        assert_eq!(found.as_array().unwrap().len(), 3, "{name}");
        let scored = run(&["embed", "eval", &out, "--analogies", &questions, "--json"]);
        let found: serde_json::Value = serde_json::from_slice(&scored.stdout).unwrap();
        assert_eq!(found["analogies"]["sections"][0]["asked"], 2, "{name}");
    }
    let out = file("v.bin");
    assert!(
        fails(&["embed", "query", &out, "--nearest", "yeti"]).contains("\"yeti\" is not in the vocabulary")
    );
    assert!(run(&["embed", "query", &file("f.bin"), "--nearest", "yeti"]).status.success());
    assert!(fails(&["embed", "query", &file("none.bin"), "--nearest", "is"]).contains("none.bin"));
    assert!(fails(&["embed", "train", &text, "--out", &file("v.xyz")]).contains("an ending of .bin"));
    assert!(fails(&["embed", "train", &file("none.txt"), "--out", &out]).contains("none.txt"));
    std::fs::write(file("empty.txt"), "").unwrap();
    assert!(fails(&["embed", "train", &file("empty.txt"), "--out", &out]).contains("the corpus is empty"));
    assert!(
        fails(&["embed", "train", &text, "--out", &out, "--min-count", "9999"])
            .contains("minimum count is 9999")
    );
    let bytes = std::fs::read(&out).unwrap();
    std::fs::write(&out, &bytes[..bytes.len() - 3]).unwrap();
    assert!(fails(&["embed", "query", &out, "--nearest", "is"]).contains("the file ends"));
}
