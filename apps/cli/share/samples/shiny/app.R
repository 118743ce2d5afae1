# A Shiny application: a slider, a plot, and a session that keeps its state.
library(shiny)

ui <- fluidPage(
  titlePanel("Waiting for Old Faithful"),
  sidebarLayout(
    sidebarPanel(
      sliderInput("bins", "Number of bins", min = 1, max = 50, value = 30),
      textOutput("state")
    ),
    mainPanel(plotOutput("plot"))
  )
)

server <- function(input, output, session) {
  changes <- reactiveVal(0)
  observeEvent(input$bins, changes(changes() + 1), ignoreInit = TRUE)
  output$state <- renderText(sprintf("%d bins, changed %d times in this session", input$bins, changes()))
  output$plot <- renderPlot(alt = "Histogram of waiting times", {
    waiting <- faithful$waiting
    breaks <- seq(min(waiting), max(waiting), length.out = input$bins + 1)
    hist(waiting, breaks = breaks, col = "#2a9d8f", border = "white", main = NULL, xlab = "Minutes to the next eruption")
  })
}

shinyApp(ui, server)
