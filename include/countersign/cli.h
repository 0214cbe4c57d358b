/* The subcommands: one file each under proxy/cli/, one row each in main.c's table. */
#ifndef COUNTERSIGN_CLI_H
#define COUNTERSIGN_CLI_H

/* Each takes its own argv (argv[0] is the subcommand's name) and returns the program's exit code: 0 well, 1 a difference
 * or a cause was found, 2 usage, configuration or input wrong, 3 the program could not do its work. */
int cli_serve(int argc, char **argv);
int cli_proxy(int argc, char **argv); /* the proxy process, started by cli_serve's signer only */
int cli_mock(int argc, char **argv);
int cli_sign(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_log(int argc, char **argv);
int cli_reconcile(int argc, char **argv);    /* its 1: something is left in doubt */
int cli_doctor(int argc, char **argv);       /* its 2 is also: could not tell */
int cli_stop_trading(int argc, char **argv); /* its 1: with --status, trading is stopped */
int cli_resume_trading(int argc, char **argv);
int cli_config(int argc, char **argv);
int cli_policy(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_keys(int argc, char **argv);

#endif
