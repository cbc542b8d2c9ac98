from django.urls import path

from accounts import views

urlpatterns = [
    path("users", views.SignUpView.as_view()),
    path("authenticate", views.AuthenticateView.as_view()),
    path("token/refresh", views.RefreshView.as_view()),
    path("logout", views.LogoutView.as_view()),
    path("me/password", views.PasswordView.as_view()),
]
