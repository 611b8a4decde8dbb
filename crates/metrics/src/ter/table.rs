//! The edit distance under the shifts: near the diagonal only, as sacreBLEU computes it.

/// How far from the diagonal cells are computed.
const BEAM: usize = 25;
const UNREACHED: u32 = 1 << 30;

/// How a cell was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Keep,
    Substitute,
    /// A word of the reference that the hypothesis lacks.
    Insert,
    /// A word of the hypothesis too many.
    Delete,
}

type Row = Vec<(u32, Step)>;

/// The table of a hypothesis against a reference; row `i` is after `i` words of the hypothesis.
pub(super) struct Table<'r> {
    reference: &'r [&'r str],
    hypothesis_len: usize,
    rows: Vec<Row>,
}

impl<'r> Table<'r> {
    pub(super) fn new(reference: &'r [&'r str], hypothesis: &[&str]) -> Self {
        let first = (0..=reference.len()).map(|i| (i as u32, Step::Insert)).collect();
        let mut table = Self { reference, hypothesis_len: hypothesis.len(), rows: vec![first] };
        for (i, word) in hypothesis.iter().enumerate() {
            let row = table.row(i + 1, word, &table.rows[i]);
            table.rows.push(row);
        }
        table
    }

    pub(super) fn distance(&self) -> u32 {
        self.rows[self.hypothesis_len][self.reference.len()].0
    }

    /// Distance of another hypothesis of the same length, which shares the first `common` words with this table's.
    pub(super) fn distance_of(&self, hypothesis: &[&str], common: usize) -> u32 {
        let mut row = self.rows[common].clone();
        for (i, word) in hypothesis.iter().enumerate().skip(common) {
            row = self.row(i + 1, word, &row);
        }
        row[self.reference.len()].0
    }

    fn row(&self, i: usize, word: &str, above: &Row) -> Row {
        let end = self.reference.len() + 1;
        let slope = self.reference.len() as f64 / self.hypothesis_len as f64;
        let beam = if slope / 2.0 > BEAM as f64 { (slope / 2.0 + BEAM as f64).ceil() as usize } else { BEAM };
        let diagonal = (i as f64 * slope).floor() as usize;
        let last = i == self.hypothesis_len;
        let columns = diagonal.saturating_sub(beam)..if last { end } else { end.min(diagonal + beam) };
        let mut row = vec![(UNREACHED, Step::Delete); end];
        for j in columns {
            if j == 0 {
                row[0] = (above[0].0 + 1, Step::Delete);
                continue;
            }
            let same = word == self.reference[j - 1];
            let diagonal = match same {
                true => (above[j - 1].0, Step::Keep),
                false => (above[j - 1].0 + 1, Step::Substitute),
            };
            // Among equals the diagonal comes first, then a deletion.
            for way in [diagonal, (above[j].0 + 1, Step::Delete), (row[j - 1].0 + 1, Step::Insert)] {
                if way.0 < row[j].0 {
                    row[j] = way;
                }
            }
        }
        row
    }

    /// The steps from the beginning to the end.
    pub(super) fn steps(&self) -> Vec<Step> {
        let (mut i, mut j) = (self.hypothesis_len, self.reference.len());
        let mut steps = Vec::with_capacity(i.max(j));
        while i > 0 || j > 0 {
            let step = self.rows[i][j].1;
            steps.push(step);
            i -= usize::from(step != Step::Insert);
            j -= usize::from(step != Step::Delete);
        }
        steps.reverse();
        steps
    }
}
