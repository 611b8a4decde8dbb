//! A tokenizer and a small GPT, from raw text to text.

use std::fmt::Write as _;

use nn::Module;

use super::{Demo, Size};
use crate::Failure;
use crate::args::workspace;
use crate::gpt::{Corpus, Outcome, Plan, Units, save_chart, train};

pub(super) fn run(demo: &Demo) -> Result<(), Failure> {
    let (file, prompt) = match demo.lang.as_str() {
        "zh" => ("sanguo.txt", "却说"),
        _ => ("tiny-shakespeare.txt", "\n"),
    };
    let dir = demo.run.out_dir(&folder(demo))?;
    let path = workspace().join("fixtures/text").join(file);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;

    let units = match (demo.chars, demo.lang.as_str()) {
        (true, _) => Units::Characters,
        (false, "zh") => Units::BytePairs(2048),
        (false, _) => Units::BytePairs(512),
    };
    let corpus = Corpus::encode(&text, units, &dir)?;
    println!("gpt: {file}\n{}", corpus.describe());
    let plan = plan(demo, corpus.tokenizer.vocab_size());
    let outcome = train(&plan, &corpus, &dir, demo.resume, prompt)?;
    if outcome.interrupted {
        println!("stopped at step {}; `--resume` goes on from there", outcome.step);
    }
    save_chart(&outcome, "GPT: loss", &dir.join("loss.png"))?;
    if outcome.samples.is_empty() && !outcome.interrupted {
        return Ok(());
    }
    let summary = summary(file, &corpus, &plan, &outcome);
    std::fs::write(dir.join("summary.txt"), &summary)?;
    println!("{summary}\npicture, summary, weights: {}", dir.display());
    Ok(())
}

/// Each kind of run has its own, so that a short one does not take the place of a long one.
fn folder(demo: &Demo) -> String {
    let mut folder = "demo/gpt".to_owned();
    for (is, name) in [(demo.lang == "zh", "-zh"), (demo.chars, "-chars"), (demo.run.full, "-full")] {
        folder.push_str(if is { name } else { "" });
    }
    folder
}

fn plan(demo: &Demo, vocab: usize) -> Plan {
    let seed = demo.run.seed;
    match demo.run.size() {
        Size::Quick => Plan::new(vocab, 120, seed),
        Size::Normal if demo.chars => Plan::new(vocab, 2000, seed),
        Size::Normal => Plan::new(vocab, 1600, seed),
        Size::Full => {
            let mut plan = Plan::new(vocab, 2000, seed);
            plan.model = transformer::GptConfig {
                layers: 6,
                heads: 6,
                d_model: 192,
                time: 128,
                dropout: 0.1,
                ..plan.model
            };
            plan.batch = 32;
            plan
        }
    }
}

fn summary(file: &str, corpus: &Corpus, plan: &Plan, outcome: &Outcome) -> String {
    let config = plan.model;
    let mut text = format!(
        "GPT on {file}: {}\n{} layers, {} heads, width {}, {} tokens, {} parameters\n\
         {} steps of {} sequences, seed {}, {:.0} s, {:.0} tokens/s\n\nstep  validation loss (nats per token)\n",
        corpus.describe(),
        config.layers,
        config.heads,
        config.d_model,
        config.time,
        outcome.model.parameter_count(),
        outcome.step,
        plan.batch * plan.accumulate,
        plan.seed,
        outcome.seconds,
        outcome.tokens_per_s,
    );
    for (step, loss) in &outcome.valid {
        let _ = writeln!(text, "{step:>4}  {loss:.3}");
    }
    if let [(first, before), .., (last, after)] = &outcome.samples[..] {
        let _ = write!(text, "\nafter {first} steps:\n{before}\n\nafter {last} steps:\n{after}\n");
    }
    text
}
