# Runs the R that a test sends as ?code=…, inside the sandbox, and answers with its value as JSON.
library(shiny)

ui <- function(request) {
  code <- parseQueryString(request$QUERY_STRING)$code
  if (is.null(code)) return(fluidPage("probe"))
  value <- tryCatch(
    list(ok = eval(parse(text = code), new.env())),
    error = function(condition) list(error = conditionMessage(condition))
  )
  httpResponse(200L, "application/json", jsonlite::toJSON(value, auto_unbox = TRUE, null = "null"))
}

shinyApp(ui, function(input, output, session) {})
