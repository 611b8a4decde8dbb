//! The commands under bad luck and bad input: killed at any moment, given files that are wrong.

use std::io::{BufRead, BufReader, Read};
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

/// `embed train` with small settings; what it says, on both streams.
#[track_caller]
fn embed_train(arguments: &[&str]) -> String {
    let small = ["embed", "train", "--dim", "8", "--min-count", "1", "--sample", "0"];
    let output = run(&[&small[..], arguments].concat());
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

#[test]
fn word_vectors_are_written_only_where_they_can_and_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let before = std::fs::read(&text).unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let refused = |texts: &[&str], out: &str| fails(&[&["embed", "train", "--out", out], texts].concat());
    assert!(refused(&[&text], &text).contains("would be written over"));
    std::fs::rename(&text, file("v.bin.state")).unwrap();
    assert!(refused(&[&file("v.bin.state")], &file("v.bin")).contains("would be written over"));
    std::fs::rename(file("v.bin.state"), file("v.vocab")).unwrap();
    assert!(refused(&[&file("v.vocab")], &file("v.npy")).contains("would be written over"));
    std::fs::rename(file("v.vocab"), &text).unwrap();
    assert_eq!(std::fs::read(&text).unwrap(), before);
    // What cannot be written in the end is told before the work.
    let (none, folder) = (file("none/v.bin"), file("folder.bin"));
    std::fs::create_dir(&folder).unwrap();
    for (out, why) in [(none, "cannot be written"), (folder, "a folder, expected a file")] {
        let said = fails(&["embed", "train", &text, "--out", &out]);
        assert!(said.contains(why), "{said}");
        embed_train(&[&text, "--out", &file("v.bin")]);
        assert!(fails(&["embed", "convert", &file("v.bin"), &out]).contains(why));
    }
    assert!(
        fails(&["embed", "convert", &file("v.bin"), &file("v.txt"), "--width", "2"]).contains("of .pq alone")
    );
    // Nothing is left of the trials.
    let names = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(names, 3, "the text, a folder, v.bin");
}

#[test]
fn word_vectors_that_nothing_was_learnt_for_are_no_success() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("toy.txt"), "the cat\n".repeat(30)).unwrap();
    let said = fails(&["embed", "train", &file("toy.txt"), "--out", &file("toy.bin")]);
    assert!(said.contains("nothing to predict") && said.contains("`sample`"), "{said}");
    assert!(!dir.path().join("toy.bin").exists());
    std::fs::write(file("v.npy"), "").unwrap();
    embed_train(&[&file("toy.txt"), "--out", &file("v.npy")]);
    let mut bytes = std::fs::read(file("v.npy")).unwrap();
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(file("v.npy"), bytes).unwrap();
    assert!(fails(&["embed", "convert", &file("v.npy"), &file("v.txt")]).contains("is not finite"));
    assert!(!dir.path().join("v.txt").exists());
}

/// Interrupts a training run of word vectors after its beginning; what it said.
#[cfg(unix)]
fn embed_interrupted(arguments: &[&str]) -> String {
    let mut child = xtask(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut said).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    stdout.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    said
}

#[cfg(unix)]
#[test]
fn word_vectors_go_on_with_the_same_texts_and_options_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let out = dir.path().join("v.bin").to_str().unwrap().to_owned();
    let base =
        ["embed", "train", &text, "--out", &out, "--min-count", "1", "--dim", "8", "--held-out", "0.1"];
    let with =
        |more: &[&str]| [&base[..], more].concat().iter().map(|&part| part.to_owned()).collect::<Vec<_>>();
    let endless = with(&["--epochs", "100000"]);
    let endless: Vec<&str> = endless.iter().map(String::as_str).collect();
    let said = embed_interrupted(&endless);
    assert!(said.contains("Ctrl-C again abandons") && said.contains("--resume goes on"), "{said}");
    let resumed = |more: &[&str]| fails(&[&endless[..], &["--resume"], more].concat());
    let said = resumed(&["--rate", "0.5"]);
    assert!(said.contains("made with other settings: rate 0.02") && said.contains("now 0.5"), "{said}");
    assert!(resumed(&["--letters"]).contains("on other texts, or with other options for words"));
    std::fs::write(&text, std::fs::read_to_string(&text).unwrap() + "one line more\n").unwrap();
    assert!(resumed(&[]).contains("on other texts"));
}

#[test]
fn questions_are_asked_of_words_never_seen() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let out = dir.path().join("f.bin").to_str().unwrap().to_owned();
    embed_train(&[&text, "--out", &out, "--subwords", "--buckets", "500", "--epochs", "1"]);
    for question in [
        &["--nearest", "followed", "followers"][..],
        &["--similarity", "follower", "followers"],
        &["--analogy", "follows", "followers", "is"],
        &["--analogy", "follows", "followers", "is", "--product"],
        &["--odd", "follows", "followers", "follower"],
    ] {
        let output = run(&[&["embed", "query", &out], question].concat());
        assert!(output.status.success(), "{question:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty());
    }
    assert!(fails(&["embed", "query", &out, "--nearest", ""]).contains("\"\" is all zeros"));
}

#[test]
fn words_are_made_of_texts_as_people_write_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let words = |path: &str| {
        let vectors = embed::Vectors::load(path).unwrap();
        let mut words: Vec<String> = vectors.words().iter().map(str::to_owned).collect();
        words.sort();
        words
    };
    std::fs::write(file("zh.txt"), "曹操取荆州，曹操大喜。\n".repeat(20)).unwrap();
    std::fs::write(file("dict.txt"), "曹操 100 nr\n荆州 100 ns\n大喜 10 v\n").unwrap();
    let zh = ["--zh", "--dict", &file("dict.txt"), "--letters"];
    let out = file("zh.bin");
    embed_train(&[&[&file("zh.txt"), "--out", &out, "--sum", "--exponent", "-0.5"], &zh[..]].concat());
    assert_eq!(words(&out), ["取", "大喜", "曹操", "荆州"]);
    std::fs::write(file("en.txt"), "The tribunal, the Association.\n".repeat(20)).unwrap();
    let out = file("en.bin");
    let more = ["--lower", "--letters", "--loss", "full", "--phrases", "1"];
    let npmi = ["--phrase-score", "npmi", "--phrase-threshold", "0.9"];
    embed_train(&[&[&file("en.txt"), "--out", &out], &more[..], &npmi].concat());
    let found = words(&out);
    assert!(found.iter().all(|word| word.chars().all(|c| c.is_lowercase() || c == '_')), "{found:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5, "no other file stays behind");
}

#[test]
fn scores_say_what_they_know() {
    let dir = tempfile::tempdir().unwrap();
    let text = corpus(dir.path());
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    embed_train(&[&text, "--out", &file("v.bin"), "--epochs", "1"]);
    std::fs::write(file("pairs.tsv"), "1\t2\t9\n3\t400\t1\n5\t6\t8\nyeti\t2\t3\n").unwrap();
    let scored = run(&["embed", "eval", &file("v.bin"), "--pairs", &file("pairs.tsv"), "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&scored.stdout).unwrap();
    assert_eq!(
        (&found["pairs"][0][1]["coverage"], &found["pairs"][0][1]["pairs"]),
        (&0.75.into(), &3.into())
    );
    std::fs::write(file("pairs.tsv"), "yeti\tsnow\t9\n").unwrap();
    assert!(
        fails(&["embed", "eval", &file("v.bin"), "--pairs", &file("pairs.tsv")])
            .contains("too few of the words")
    );
    let none = ["embed", "train", &text, "--out", &file("w.bin"), "--max-words", "0"];
    assert!(fails(&none).contains("max_words is 0"));
}
