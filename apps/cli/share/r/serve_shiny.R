# Serves a Shiny application on the Unix socket it is given:
#
#   R --no-save --no-restore --no-echo -f serve_shiny.R --args DIRECTORY SOCKET
#
# A Unix socket and not a port: nobody else on the host can connect, and httpuv's answers in two parts do not wait for delayed
# acknowledgements. The socket is made with mask 077; only the account and, through its own link, the gateway get in.

local({
  arguments <- commandArgs(trailingOnly = TRUE)
  if (length(arguments) != 2L) {
    message("usage: R -f serve_shiny.R --args DIRECTORY SOCKET")
    quit(save = "no", status = 64L)
  }
  directory <- arguments[[1L]]
  socket <- arguments[[2L]]

  options(
    shiny.sanitize.errors = !identical(Sys.getenv("BERTH_SHINY_SANITIZE_ERRORS", "true"), "false"),
    shiny.autoreload = FALSE,
    browser = function(url) {
      message("content cannot open a browser on the server; asked for: ", url)
      invisible(NULL)
    },
    device = function(...) grDevices::pdf(NULL, ...)
  )

  # SIGINT is the soft stop: runApp ends, onStop handlers run, and that is a normal end.
  tryCatch(
    shiny::runApp(directory, port = structure(socket, mask = 63L), launch.browser = FALSE, quiet = TRUE),
    interrupt = function(condition) message("stopped")
  )
  quit(save = "no", status = 0L)
})
