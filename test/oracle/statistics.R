# Writes fixtures/statistics/r.jsonl: tests of hypotheses as R computes them, in exact arithmetic where it has it.
# Run it with R 4.2 or later (Debian: r-base-core): Rscript statistics.R FOLDER. Lines and samples are those of statistics.py.
folder <- commandArgs(trailingOnly = TRUE)[1]
lines <- character()
number <- function(x) formatC(x, digits = 17, format = "g")
recipe <- function(n, a, b, shift) list(n = n, a = a, b = b, shift = shift)
values <- function(s) ((s$a * (seq_len(s$n) - 1) + s$b) %% 10007) / 10007 + s$shift
written <- function(s) sprintf('{"n":%d,"a":%d,"b":%d,"m":10007,"shift":%s,"levels":0}', s$n, s$a, s$b, number(s$shift))
say <- function(test, given, found) {
  fields <- paste(sprintf('"%s":%s', names(found), vapply(found, number, "")), collapse = ",")
  lines <<- c(lines, sprintf('{"test":"%s","given":{%s},"found":{%s}}', test, given, fields))
}

for (pair in list(
  list(recipe(12, 7919, 13, 0), recipe(12, 3571, 5, 0.4)),
  list(recipe(40, 7919, 13, 0), recipe(25, 4729, 1, 0.25)),
  list(recipe(100, 7919, 13, 0), recipe(137, 4729, 1, 0.3)),
  list(recipe(300, 7919, 13, 0), recipe(200, 4729, 1, 0.1))
)) {
  found <- ks.test(values(pair[[1]]), values(pair[[2]]), exact = TRUE)
  given <- sprintf('"first":%s,"second":%s,"method":"exact"', written(pair[[1]]), written(pair[[2]]))
  say("ks", given, list(statistic = unname(found$statistic), p = found$p.value))
}

for (x in list(c(3, 10), c(60, 100), c(5100, 10000), c(1200, 2000)))
  say("binomial", sprintf('"k":%d,"n":%d,"p":0.5', x[1], x[2]),
    list(p = pbinom(x[1] - 1, x[2], 0.5, lower.tail = FALSE), probability = dbinom(x[1], x[2], 0.5)))

for (x in list(c(3, 10, 1, 12), c(40, 1000, 12, 1000), c(9, 2000, 0, 2000)))
  say("fisher", sprintf('"first":{"count":%d,"n":%d},"second":{"count":%d,"n":%d}', x[1], x[2], x[3], x[4]),
    list(p = fisher.test(matrix(c(x[1], x[2] - x[1], x[3], x[4] - x[3]), 2), alternative = "greater")$p.value))

for (ps in list(c(0.01, 0.04, 0.03, 0.005), c(0.5, 0.9, 0.2), c(0.001, 0.001, 0.8, 0.02, 0.6))) {
  adjusted <- p.adjust(ps, "holm")
  names(adjusted) <- seq_along(ps) - 1
  say("holm", sprintf('"ps":[%s]', paste(number(ps), collapse = ",")), as.list(adjusted))
}
writeLines(lines, file.path(folder, "r.jsonl"))
