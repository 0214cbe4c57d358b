/* Fisher's exact test. R. A. Fisher, "The Logic of Inductive Inference", J. Royal Statistical Society 98, 1935: with the
 * margins given, the number of failures that have a value is hypergeometrically distributed. Two-sided in the usual sense:
 * the probabilities of all tables that are no likelier than the one at hand. Numbers alone; any thread. */
#include "why_private.h"

#include <math.h>

/* Equal probabilities must count as equal after rounding. */
static const double ROUNDING = 1e-7;
/* A term this small beside the sum adds nothing that is seen. */
static const double NEGLIGIBLE = 1e-17;

struct margins {
    double total, failures, with; /* exchanges; those that failed; those that have the value */
    double low, high;             /* the fewest and the most failures that can have it */
};

static double log_factorial(double n)
{
    int sign; /* lgamma's own would be shared by all threads */
    return lgamma_r(n + 1, &sign);
}

static double log_choose(double n, double k)
{
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

static double log_probability(const struct margins *m, double a)
{
    return log_choose(m->failures, a) + log_choose(m->total - m->failures, m->with - a) - log_choose(m->total, m->with);
}

static struct margins margins_of(struct why_table table)
{
    struct margins m = { .total = (double)table.failures + table.successes,
                         .failures = table.failures,
                         .with = (double)table.a + table.b };
    m.low = fmax(0, m.with - table.successes);
    m.high = fmin(m.failures, m.with);
    return m;
}

/* The probability of a+1 failures with the value, beside that of a. */
static double ratio_up(const struct margins *m, double a)
{
    return (m->failures - a) * (m->with - a) / ((a + 1) * (m->total - m->failures - m->with + a + 1));
}

/* The sum from `a` outwards, beside the probability of `a`: each term is smaller than the one before. */
static double tail(const struct margins *m, double a, bool upwards)
{
    double term = 1, sum = 1;
    while (term > NEGLIGIBLE * sum && (upwards ? a < m->high : a > m->low)) {
        term *= upwards ? ratio_up(m, a) : 1 / ratio_up(m, a - 1);
        a += upwards ? 1 : -1;
        sum += term;
    }
    return sum;
}

static double mode(const struct margins *m)
{
    return fmin(m->high, fmax(m->low, floor((m->failures + 1) * (m->with + 1) / (m->total + 2))));
}

/* On the other side of the mode probabilities fall all the way: the table nearest to it that is no likelier than `bound`.
 * False where there is none. */
static bool find_other(double *a, const struct margins *m, double bound, bool upwards)
{
    double inner = mode(m), outer = upwards ? m->high : m->low;
    if (log_probability(m, outer) > bound)
        return false;
    if (log_probability(m, inner) <= bound) /* two tables can be the likeliest */
        outer = inner;
    while (fabs(outer - inner) > 1) {
        double middle = floor((inner + outer) / 2);
        if (log_probability(m, middle) > bound)
            inner = middle;
        else
            outer = middle;
    }
    *a = outer;
    return true;
}

double why_fisher(struct why_table table)
{
    struct margins m = margins_of(table);
    double a = table.a, other;
    double log_p = log_probability(&m, a);
    bool is_above = a > mode(&m);
    if (a == mode(&m))
        return 1; /* nothing is likelier */
    double sum = exp(log_p) * tail(&m, a, is_above);
    if (find_other(&other, &m, log_p + ROUNDING, !is_above))
        sum += exp(log_probability(&m, other)) * tail(&m, other, !is_above);
    return fmin(1, sum);
}

/* It is one of the two ends; the other is added to it only where it is no likelier, so the least is the smaller one's. */
double why_fisher_least(struct why_table table)
{
    struct margins m = margins_of(table);
    double low = log_probability(&m, m.low), high = log_probability(&m, m.high);
    bool is_same = fabs(low - high) <= ROUNDING && m.low < m.high;
    return fmin(1, exp(fmin(low, high)) * (is_same ? 2 : 1));
}

uint32_t why_needed(uint32_t splits)
{
    uint32_t each = WHY_EACH_MIN;
    double bound = log(WHY_CHANCE_MAX / (splits > 0 ? splits : 1));
    while (log(2) - log_choose(2.0 * each, each) >
           bound) /* twice: the perfect split the other way round is as likely */
        each++;
    return each;
}
