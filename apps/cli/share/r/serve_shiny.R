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

  # The preamble of the job log: what an operator asks first when content behaves differently on the server.
  status <- readLines("/proc/self/status")
  id <- function(name, position) strsplit(sub("^[^:]*:\\s*", "", grep(paste0("^", name, ":"), status, value = TRUE)), "\\s+")[[1L]][position]
  said <- c(
    "Content GUID" = Sys.getenv("CONNECT_CONTENT_GUID"),
    "Job key" = Sys.getenv("CONNECT_CONTENT_JOB_KEY"),
    "Host" = Sys.info()[["nodename"]],
    "Account" = sprintf("%s (uid %s, gid %s)", Sys.getenv("LOGNAME"), id("Uid", 1L), id("Gid", 1L)),
    "LANG" = Sys.getenv("LANG"),
    "Working directory" = getwd(),
    "R" = sprintf("%s at %s", getRversion(), R.home()),
    "Libraries" = paste(.libPaths(), collapse = ", ")
  )
  message(paste0("[berth-session] ", names(said), ": ", said, collapse = "\n"))

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
